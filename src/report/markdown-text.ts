import { visible } from './terminal/text.ts';

/** A code span that no backtick in the text ends. */
export function code(text: string): string {
  const shown = visible(text);
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = longest > 0 || shown.startsWith(' ') ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** Text of which HTML makes nothing, and in which GitHub finds nobody to mention, no issue and nothing to link. */
export function html(text: string): string {
  return visible(text).replace(/[&<>`]|[@#](?=[\w-])|:(?=\/\/)/g, (character) => {
    const entity = `&#${character.charCodeAt(0)};`;
    // an entity becomes the letter again before mentions and issues are looked for; a space of no width keeps them apart
    return character === '@' || character === '#' ? `${character}&#8203;` : entity;
  });
}

/** The same where Markdown would make something of it as well. */
export function plain(text: string): string {
  return html(text.replace(/[\\*_[\]|~]/g, '\\$&'));
}
