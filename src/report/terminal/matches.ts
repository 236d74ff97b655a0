import type { Screen } from './screen.ts';
import { visible, wrap } from './text.ts';

export interface MatchEntry {
  readonly id: string;
  readonly title: string;
  /** The line of the page that the text is most like. */
  readonly text: string | undefined;
}

/** Several rules that may be meant. */
export function matchLines(matches: readonly MatchEntry[], { inks, unicode, width }: Screen): string[] {
  const lines = [`${matches.length} rules speak of this text:`];
  for (const { id, title, text } of matches) {
    lines.push('', `  ${inks.title(id)}`, ...wrap(title, width - 4).map((line) => `    ${line}`));
    if (text) lines.push(...wrap(visible(text, unicode), width - 4).map((line) => inks.faint(`    ${line}`)));
  }
  return [...lines, '', 'ckpt-doctor explain <rule> prints the page of one.'];
}
