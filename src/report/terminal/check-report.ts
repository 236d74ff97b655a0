import type { Finding, Severity } from '../../diagnose/finding.ts';
import {
  type CheckDocument,
  type CheckFileEntry,
  hasTooManyWarnings,
  toldFindings,
} from '../check-document.ts';
import { findingLines } from './findings.ts';
import { counted } from './numbers.ts';
import type { Screen } from './screen.ts';
import { visible, wrap } from './text.ts';

export interface CheckReportOptions {
  /** Only files that did not pass. */
  readonly quiet?: boolean;
  /** Advice too, pages of the rules, and every file that passed. */
  readonly verbose?: boolean;
  readonly allSubjects?: boolean;
  /** The file that the policy came from, for the last line. */
  readonly policyFile?: string | undefined;
}

const SUBJECT_LINES = 1;

/** What `check` prints for a person, line by line: what did not pass and why, then one line for it all. */
export function* checkReport(
  document: CheckDocument,
  options: CheckReportOptions,
  screen: Screen,
): Generator<string> {
  for (const file of document.files) {
    const lines = fileLines(file, options, screen);
    if (lines.length === 0) continue;
    yield* lines;
    if (lines.length > 1) yield '';
  }
  yield* summaryLines(document, options, screen);
}

function fileLines(file: CheckFileEntry, options: CheckReportOptions, screen: Screen): string[] {
  const { status, error } = file;
  const findings = options.verbose ? file.findings : toldFindings(file);
  if (status === 'passed' && (options.quiet || (findings.length === 0 && !options.verbose))) return [];
  const lines = [headLine(file, findings, screen)];
  if (error) {
    const text = wrap(visible(error.message, screen.unicode), screen.width - 2);
    lines.push(...text.map((line) => screen.inks.error(`  ${line}`)));
  }
  if (findings.length === 0) return lines;
  const room = { ...screen, width: screen.width - 2 };
  const told = findingLines(
    findings,
    {
      path: file.path,
      subjectLines: options.allSubjects ? Number.POSITIVE_INFINITY : SUBJECT_LINES,
      ...(options.verbose && { docs: true }),
    },
    room,
  );
  // its title says what the head line has said
  return [...lines, ...told.slice(1).map((line) => (line === '' ? '' : `  ${line}`))];
}

function headLine(
  { path, status }: CheckFileEntry,
  findings: readonly Finding[],
  { inks, glyphs, unicode }: Screen,
): string {
  const counts = (['error', 'warning', 'info'] as const)
    .map((severity) => ({ severity, count: findings.filter((each) => each.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => counted(count, severity === 'info' ? 'note' : severity));
  const name = visible(path, unicode);
  const told = inks.faint(`  ${[status, ...counts].join(', ')}`);
  if (status === 'passed') return `${inks.good(`${glyphs.good} ${name}`)}${told}`;
  const isFailed = status === 'failed';
  return `${(isFailed ? inks.error : inks.warning)(`${isFailed ? glyphs.error : glyphs.warning} ${name}`)}${told}`;
}

function* summaryLines(
  document: CheckDocument,
  { policyFile }: CheckReportOptions,
  screen: Screen,
): Generator<string> {
  const { inks, glyphs, width, unicode } = screen;
  const { files, passed, failed, unreadable } = document.totals;
  const parts = [
    ...(passed > 0 ? [`${passed} passed`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unreadable > 0 ? [`${unreadable} unreadable`] : []),
  ];
  const good = failed === 0 && unreadable === 0 && !hasTooManyWarnings(document);
  const ink = good ? inks.good : inks.error;
  yield ink(`${good ? glyphs.good : glyphs.error} ${counted(files, 'file')}: ${parts.join(', ')}`);
  if (hasTooManyWarnings(document)) {
    const { found = 0, allowed = 0 } = document.warnings ?? {};
    yield ink(
      `${glyphs.error} ${counted(found, 'warning')} where ${allowed} ${allowed === 1 ? 'is' : 'are'} allowed`,
    );
  }
  const notes = [
    ...adviceNote(document),
    ...knownNote(document),
    ...(policyFile ? [`policy: ${visible(policyFile, unicode)}`] : []),
  ];
  for (const line of wrap(notes.join(glyphs.dot), width)) yield inks.faint(line);
}

function adviceNote({ files }: CheckDocument): string[] {
  const count = countOf(files, 'warning') + countOf(files, 'error');
  const advice = countOf(files, 'info');
  return [
    ...(count > 0
      ? [`${counted(countOf(files, 'error'), 'error')}, ${counted(countOf(files, 'warning'), 'warning')}`]
      : []),
    ...(advice > 0 ? [`${counted(advice, 'note')} (-v)`] : []),
  ];
}

function knownNote({ files }: CheckDocument): string[] {
  const known = files.reduce((sum, file) => sum + (file.known ?? 0), 0);
  return known > 0 ? [`${counted(known, 'finding')} in the baseline`] : [];
}

function countOf(files: CheckDocument['files'], severity: Severity): number {
  return files.reduce(
    (sum, { findings }) => sum + findings.filter((finding) => finding.severity === severity).length,
    0,
  );
}
