import type { Finding, Severity } from '../diagnose/finding.ts';
import { prescribe } from '../diagnose/prescription.ts';
import {
  type CheckDocument,
  type CheckFileEntry,
  hasTooManyWarnings,
  toldFindings,
} from './check-document.ts';
import { code, html, plain } from './markdown-text.ts';
import { shellWord } from './terminal/findings.ts';
import { visible } from './terminal/text.ts';

/** Comments of GitHub end at 65 536 characters; GitLab takes more. */
const LONGEST = 65_000;
const ICONS = { passed: '✅', failed: '❌', unreadable: '⚠️' } as const;
const WORDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };
const GRAVEST_FIRST: readonly Severity[] = ['error', 'warning', 'info'];
const MOST_SUBJECTS = 5;

/**
 * Markdown for a comment on a pull request. It begins with a mark that a bot finds its own comment by. Names from files stand as code,
 * so that none of them links, mentions or draws anything.
 */
export function markdownReport(document: CheckDocument): string {
  const { files, totals } = document;
  const told = files
    .map((file) => ({ ...file, findings: toldFindings(file) }))
    .filter(({ status, findings }) => status !== 'passed' || findings.length > 0);
  const head = ['<!-- ckpt-doctor -->', `### ${title(document)}`, ''];
  if (told.length > 0) head.push('| | file | findings |', '|---|---|---|');
  const silent = totals.files - told.length;
  const rest =
    silent > 0 ? [`${ICONS.passed} ${silent} ${silent === 1 ? 'file' : 'files'} with nothing to tell`] : [];
  return trimmed(head, told.map(row), ['', ...rest], told.map(details));
}

function title(document: CheckDocument): string {
  const { passed, failed, unreadable } = document.totals;
  const parts = [
    `${passed} passed`,
    ...(failed ? [`${failed} failed`] : []),
    ...(unreadable ? [`${unreadable} unreadable`] : []),
  ];
  const { warnings } = document;
  const limit = hasTooManyWarnings(document)
    ? `, ${warnings?.found} warnings where ${warnings?.allowed} are allowed`
    : '';
  const icon = failed || limit ? ICONS.failed : unreadable ? ICONS.unreadable : ICONS.passed;
  return `${icon} Checkpoints: ${parts.join(', ')}${limit}`;
}

function row({ path, status, error, findings }: CheckFileEntry): string {
  const counts = GRAVEST_FIRST.map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count > 0 ? `${count} ${WORDS[severity]}${count === 1 ? '' : 's'}` : '';
  }).filter((text) => text !== '');
  const told = [...(error ? ['unreadable'] : []), ...counts].join(', ');
  return `| ${ICONS[status]} | ${code(path).replaceAll('|', '\\|')} | ${told} |`;
}

function details({ path, error, findings }: CheckFileEntry): string {
  const { flags } = prescribe(findings);
  return [
    '',
    `<details><summary>${html(path)}</summary>`,
    '',
    ...(error ? [`- **unreadable** ${plain(error.message)}`] : []),
    ...findings.map(item),
    ...(flags.length > 0
      ? ['', '```sh', visible(`ckpt-doctor fix ${[path, ...flags].map(shellWord).join(' ')}`), '```']
      : []),
    '',
    '</details>',
  ].join('\n');
}

function item({ severity, rule, message, subjects, count }: Finding): string {
  const shown = subjects.slice(0, MOST_SUBJECTS).map(code);
  const rest = count - shown.length;
  const names = shown.length > 0 ? ` (${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''})` : '';
  return `- **${WORDS[severity]}** \`${rule}\` ${plain(message)}${names}`;
}

/** Rows are worth more than details, and what no longer fits is counted. */
function trimmed(
  head: readonly string[],
  rows: readonly string[],
  after: readonly string[],
  more: readonly string[],
): string {
  const lines = [...head];
  let left = LONGEST - [...head, ...after].join('\n').length;
  const add = (parts: readonly string[]): number => {
    const fits = parts.findIndex((part) => {
      left -= part.length + 1;
      return left < 0;
    });
    const taken = fits < 0 ? parts.length : fits;
    lines.push(...parts.slice(0, taken));
    return parts.length - taken;
  };
  const unlisted = add(rows);
  lines.push(...after);
  const untold = unlisted > 0 ? more.length : add(more);
  if (unlisted > 0) lines.push('', `… and ${unlisted} more files`);
  if (untold > 0)
    lines.push('', `The details of ${untold} files did not fit; \`ckpt-doctor check\` prints them.`);
  return `${lines.join('\n').trimEnd()}\n`;
}
