import type { Finding } from '../../diagnose/finding.ts';
import { prescribe } from '../../diagnose/prescription.ts';
import type { FixResult } from '../../fix/fix.ts';
import { findingLines } from './findings.ts';
import { bytesText, counted, grouped } from './numbers.ts';
import type { Screen } from './screen.ts';
import { padEnd, visible, widthOf, wrap } from './text.ts';

export interface FixReportOptions {
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
  readonly verify?: 'quick' | 'full';
}

/** What was done, what it healed, and what is left. */
export function fixReport(result: FixResult, options: FixReportOptions, screen: Screen): string[] {
  const { inks, unicode } = screen;
  const show = (path: string) => visible(path, unicode);
  if (options.quiet) return options.dryRun ? operationLines(result, screen) : [show(result.output)];
  const arrow = unicode ? '→' : '->';
  const where = result.mode === 'append' ? ', in place' : ` ${arrow} ${show(result.output)}`;
  const head = inks.title(`${show(result.input)}${where}`);
  const title = options.dryRun ? `${head}${inks.faint('  plan; nothing is written')}` : head;
  return [
    title,
    ...operationLines(result, screen),
    '',
    ...writtenLines(result, options, screen),
    ...(options.dryRun ? [] : ['', ...outcomeLines(result, screen)]),
  ];
}

function operationLines({ plan }: FixResult, screen: Screen): string[] {
  const { inks, unicode, width } = screen;
  const names = plan.operations.map(({ name }) => visible(name, unicode));
  const room = Math.max(0, ...names.map(widthOf));
  const lines = plan.operations.flatMap(({ affected, noun, notes }, index) => {
    const count = affected === 0 ? inks.faint('nothing to do') : `${grouped(affected)} ${noun}`;
    return [
      `  ${padEnd(names[index] as string, room)}  ${count}`,
      ...notes.flatMap((note) =>
        wrap(visible(note, unicode), width - 4).map((line) => inks.faint(`    ${line}`)),
      ),
    ];
  });
  if (lines.length === 0) lines.push(inks.faint("  no change but torch's own layout and pickle protocol 2"));
  const notes = plan.notes.flatMap((note) => wrap(visible(note, unicode), width - 2));
  return [...lines, ...notes.map((line) => `  ${line}`)];
}

function writtenLines(result: FixResult, options: FixReportOptions, screen: Screen): string[] {
  const { plan, mode, bytesIn, bytesOut, verified } = result;
  const pieces = counted(plan.pieces, plan.noun);
  const done = verified ? `, verified: ${proofOf(result, options)}` : '';
  if (mode === 'append') return appendedLines(result, options, `${pieces} stay as they are`, done, screen);
  return wrap(
    `${piecesWords(plan, options)}${spread(result)}, ${bytesText(bytesIn)} in, ${bytesText(bytesOut)} out${done}.`,
    screen.width,
  );
}

function spread({ files }: FixResult): string {
  return files.length > 1 ? ` in ${files.length - 1} files` : '';
}

function piecesWords(
  { pieces, noun, untouched }: FixResult['plan'],
  { dryRun }: Pick<FixReportOptions, 'dryRun'>,
): string {
  const all = counted(pieces, noun);
  if (untouched === undefined) return `${all} ${dryRun ? 'to be written' : 'written'}`;
  const copied = dryRun ? 'to be copied unchanged' : 'copied unchanged';
  const written = dryRun ? 'to be written with other bytes' : 'written with other bytes';
  if (untouched === pieces) return `${all} ${copied}`;
  if (untouched === 0) return `${all} ${written}`;
  return `${untouched} of ${all} ${copied}, ${pieces - untouched} ${written}`;
}

function proofOf({ mode }: FixResult, { verify }: FixReportOptions): string {
  // bytes that stand where they stood can't differ from themselves
  if (mode === 'append') return 'structure, sizes and places compared';
  return verify === 'full' ? 'every byte compared' : 'structure and sizes compared';
}

function appendedLines(
  { input, bytesIn, bytesOut }: FixResult,
  { dryRun }: FixReportOptions,
  storages: string,
  done: string,
  { width, unicode }: Screen,
): string[] {
  const added = bytesOut - bytesIn;
  if (added === 0) return wrap(`${storages}, nothing ${dryRun ? 'to be ' : ''}written${done}.`, width);
  const verb = dryRun ? 'to be appended' : 'appended';
  const lines = wrap(`${storages}, ${bytesText(added)} ${verb} to ${bytesText(bytesIn)}${done}.`, width);
  return dryRun ? lines : [...lines, `Take it back: ckpt-doctor undo ${visible(input, unicode)}`];
}

/** Before and after, and what no flag of ours heals. */
function outcomeLines(result: FixResult, screen: Screen): string[] {
  const { inks, glyphs, width } = screen;
  const before = serious(result.findingsBefore);
  const after = serious(result.findingsAfter);
  const healed = [...before].filter((rule) => !after.has(rule));
  const lines =
    healed.length > 0 ? wrap(`Healed: ${healed.join(', ')}`, width).map((line) => inks.good(line)) : [];
  if (after.size === 0) return [...lines, inks.good(`${glyphs.good} Nothing wrong is left.`)];
  const left = result.findingsAfter.filter(({ severity }) => severity !== 'info');
  const { flags } = prescribe(left);
  return [
    ...lines,
    '',
    flags.length > 0 ? 'Still to heal:' : 'What no fix heals:',
    ...findingLines(left, { path: result.output, subjectLines: 1 }, screen),
  ];
}

function serious(findings: readonly Finding[]): Set<string> {
  return new Set(findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule));
}
