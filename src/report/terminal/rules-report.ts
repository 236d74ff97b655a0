import { byCategory, type RuleEntry } from '../rules-document.ts';
import { counted } from './numbers.ts';
import type { Screen } from './screen.ts';
import { padEnd, wrap } from './text.ts';

/** Every rule with its severity and a few words, by category. */
export function rulesReport(rules: readonly RuleEntry[], screen: Screen): string[] {
  const { inks, width } = screen;
  const lines: string[] = [];
  for (const [category, members] of byCategory(rules)) {
    if (lines.length > 0) lines.push('');
    lines.push(inks.title(category));
    const column = Math.max(...members.map(({ id }) => id.length)) + 2;
    for (const rule of members) lines.push(...ruleLines(rule, column, screen));
  }
  const more = `${counted(rules.length, 'rule')}. ckpt-doctor explain <rule> tells the errors that it stands for, why, and how to heal it.`;
  return [...lines, '', ...wrap(more, width)];
}

function ruleLines(
  { id, severity, title }: RuleEntry,
  column: number,
  { inks, glyphs, width }: Screen,
): string[] {
  const indent = 4 + column;
  const words = wrap(title, Math.max(width - indent, 20));
  return words.map((line, index) =>
    index === 0
      ? `  ${inks[severity](glyphs[severity])} ${padEnd(id, column)}${inks.faint(line)}`
      : `${' '.repeat(indent)}${inks.faint(line)}`,
  );
}
