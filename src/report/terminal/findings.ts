import type { Finding, Severity } from '../../diagnose/finding.ts';
import { prescribe } from '../../diagnose/prescription.ts';
import { counted } from './numbers.ts';
import type { Screen } from './screen.ts';
import { cutMiddle, visible, widthOf, wrap } from './text.ts';

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];
const NOUNS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

export interface FindingsOptions {
  /** The path of the file, for the command that heals it. */
  readonly path: string;
  /** Lines of subjects for each finding. */
  readonly subjectLines: number;
  /** Name the page of each rule. */
  readonly docs?: boolean;
  /** The file is damaged, which is told elsewhere: silence of the rules is no good news then. */
  readonly damaged?: boolean;
}

/** What is wrong, and the one command that heals what can be healed. */
export function findingLines(
  findings: readonly Finding[],
  options: FindingsOptions,
  screen: Screen,
): string[] {
  const { inks, glyphs } = screen;
  if (findings.length === 0 && options.damaged) return ['Nothing else was found.'];
  if (findings.length === 0) return [inks.good(`${glyphs.good} Nothing wrong was found.`)];
  const lines = [inks.title(findingsTitle(findings))];
  for (const severity of SEVERITIES) {
    for (const finding of findings) {
      if (finding.severity === severity) lines.push(...oneFinding(finding, options, screen));
    }
  }
  return [...lines, '', ...prescriptionLines(findings, options, screen)];
}

function findingsTitle(findings: readonly Finding[]): string {
  const counts = SEVERITIES.map((severity) => ({
    severity,
    count: findings.filter((finding) => finding.severity === severity).length,
  }));
  const parts = counts
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => counted(count, NOUNS[severity]));
  return `Findings: ${parts.join(', ')}`;
}

function oneFinding(finding: Finding, options: FindingsOptions, screen: Screen): string[] {
  const { inks, glyphs, unicode, width } = screen;
  const ink = inks[finding.severity];
  const head = `${ink(`${glyphs[finding.severity]} ${finding.rule}`)}${inks.faint(`  ${NOUNS[finding.severity]}`)}`;
  const message = wrap(visible(finding.message, unicode), width - 2).map((line) => `  ${line}`);
  const subjects = subjectLines(finding, options.subjectLines, screen).map((line) =>
    inks.faint(`    ${line}`),
  );
  const docs = options.docs ? [inks.faint(`    ${finding.docs}`)] : [];
  return [head, ...message, ...subjects, ...docs];
}

/** The subjects in as many lines as are given, and how many did not fit. */
function subjectLines(finding: Finding, limit: number, { glyphs, unicode, width }: Screen): string[] {
  const room = width - 4;
  const lines: string[] = [];
  let line = '';
  let listed = 0;
  for (const subject of finding.subjects) {
    const rest = finding.count - listed;
    const word = cutMiddle(visible(subject, unicode), room - 1, glyphs.ellipsis);
    const isLastLine = lines.length === limit - 1;
    // on the last line there must be room left for the number of those that did not fit
    const reserve = isLastLine && rest > 1 ? moreText(rest - 1, glyphs.ellipsis).length + 2 : 1;
    const joined = line === '' ? word : `${line}, ${word}`;
    if (line !== '' && widthOf(joined) + reserve > room) {
      if (isLastLine) break;
      lines.push(`${line},`);
      line = word;
    } else line = joined;
    listed += 1;
  }
  const rest = finding.count - listed;
  if (line === '') return lines;
  if (rest > 0 && listed > 0) {
    const more = moreText(rest, glyphs.ellipsis);
    if (widthOf(line) + 2 + more.length <= room) line += `, ${more}`;
    else return [...lines, `${line},`, more];
  }
  return [...lines, line];
}

const moreText = (count: number, ellipsis: string) => `${ellipsis} ${count} more`;

function prescriptionLines(
  findings: readonly Finding[],
  { path }: FindingsOptions,
  screen: Screen,
): string[] {
  const { inks, unicode, width } = screen;
  const { flags, unhealed } = prescribe(findings);
  const lines: string[] = [];
  if (flags.length > 0) {
    // a path that looks like a flag is made to look like a path
    const file = path.startsWith('-') ? `./${path}` : path;
    const command = [
      'ckpt-doctor fix',
      ...[file, ...flags].map((word) => visible(shellWord(word), unicode)),
    ].join(' ');
    // one line, however long: a command is there to be copied
    lines.push('To heal:', `  ${inks.command(command)}`);
  }
  if (unhealed.length > 0) {
    const rules = [...new Set(unhealed.map(({ rule }) => rule))].join(', ');
    lines.push(...wrap(`Left to you: ${rules}.`, width));
  }
  if (lines.length === 0) lines.push('Nothing here needs healing.');
  return lines;
}

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
