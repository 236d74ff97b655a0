import { RULES } from '../../src/diagnose/rules/index.ts';
import { byCategory } from '../../src/report/rules-document.ts';

/** The text of docs/rules/README.md. */
export function ruleIndex(): string {
  const sections = [...byCategory(RULES)].map(([category, rules]) =>
    [
      `## ${category}`,
      '',
      '| rule | severity | |',
      '|---|---|---|',
      ...rules.map(
        ({ id, severity, title }) => `| [${id}](${id}.md) | ${severity} | ${title.replaceAll('|', '\\|')} |`,
      ),
    ].join('\n'),
  );
  return `${[
    '# The rules',
    `Every finding of \`inspect\` and \`check\` is of one of these ${RULES.length} rules. A page opens with the texts of the errors that the rule stands for, and says why they come, how to heal the file, and how to accept it as it is. In a terminal, \`ckpt-doctor explain <rule>\` prints the page, and \`ckpt-doctor explain '<text of an error>'\` finds it; [errors.md](../errors.md) is the table of errors.`,
    'The severity is the usual one; a rule may say less, or more, where the file calls for it, and a policy may set another.',
    ...sections,
    '',
  ]
    .join('\n\n')
    .trimEnd()}\n`;
}
