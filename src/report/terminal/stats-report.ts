import { backendText } from '../backend-entry.ts';
import type { Integer } from '../inspect-document.ts';
import type { StatsDocument, StatsEntry } from '../stats-document.ts';
import { type MeasuredOrder, measureOf, type StatsOrder } from '../stats-order.ts';
import { filteredLines } from './filtered.ts';
import { counted, countText, grouped, numberText, shareText } from './numbers.ts';
import type { Screen } from './screen.ts';
import { cutMiddle, nameText, padEnd, padStart, visible, widthOf, wrap } from './text.ts';

export interface StatsReportOptions {
  /** Tensors that `--top` left out. */
  readonly omitted?: number;
  /** What the tensors were sorted by: a column of its own where the table has none of it. */
  readonly sort?: StatsOrder;
  /** The glob that tensors had to match, */
  readonly filter?: string;
  /** and how many there are in the file. */
  readonly among?: number;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** The table for a person: a line a tensor, and beneath it what is wrong with its numbers. */
export function* statsReport(
  document: StatsDocument,
  { omitted = 0, quiet = false, verbose = false, sort, filter, among = 0 }: StatsReportOptions,
  screen: Screen,
): Generator<string> {
  const { inks, unicode, glyphs } = screen;
  if (!quiet) {
    const backend = backendText(document.backend);
    const computed = backend === undefined ? '' : inks.faint(`  ${backend}`);
    yield inks.title(visible(document.file.path, unicode)) + computed;
    yield '';
  }
  if (filter !== undefined && document.tensors.length === 0) {
    yield* filteredLines(filter, 0, among, screen);
    return;
  }
  if (document.tensors.length === 0) yield 'No tensors.';
  else {
    const table = tableFor(document.tensors, sort, screen);
    yield inks.faint(table.head);
    for (const [index, entry] of document.tensors.entries()) {
      yield table.row(index);
      const remark = remarkOf(entry, verbose, screen);
      if (remark !== '') yield* wrap(remark, screen.width - 4).map((part) => `    ${inks.warning(part)}`);
      if (entry.skipped !== undefined)
        yield* wrap(entry.skipped, screen.width - 4).map((part) => `    ${inks.faint(part)}`);
      if (entry.histogram) yield `    ${histogramLine(entry.histogram, screen)}`;
    }
  }
  if (omitted > 0) yield inks.faint(`${glyphs.ellipsis} ${counted(omitted, 'more line')}`);
  if (quiet) return;
  yield '';
  yield* wrap(totalsText(document), screen.width);
}

const GAP = 2;
const LEAST_NAME = 12;
/** Names are not cut below this part of the window while there is a column that says less. */
const SHARE_OF_NAMES = 0.4;

interface Column {
  readonly title: string;
  readonly cells: readonly string[];
  readonly width: number;
  readonly pad: (text: string, width: number) => string;
}

function column(title: string, cells: readonly string[], pad = padStart): Column {
  return {
    title,
    cells,
    pad,
    width: cells.reduce((most, cell) => Math.max(most, widthOf(cell)), title.length),
  };
}

/** Heads of columns that only those see who sort by them. */
const SORTED: Readonly<Partial<Record<MeasuredOrder, string>>> = {
  elements: 'elements',
  l2Norm: 'l2 norm',
  zeros: 'zeros',
  subnormals: 'subnormal',
  nan: 'NaN',
  infinite: 'Inf',
  overflow: 'overflow',
};

function sortedColumn(entries: readonly StatsEntry[], sort: StatsOrder | undefined): Column[] {
  if (sort === undefined || sort === 'file' || sort === 'name') return [];
  const title = SORTED[sort];
  if (!title) return [];
  const value = measureOf(sort);
  const text = (number: Integer | null): string =>
    number === null || sort === 'l2Norm' ? numberText(number) : grouped(Number(number));
  return [
    column(
      title,
      entries.map((entry) => (entry.skipped === undefined ? text(value(entry)) : '-')),
    ),
  ];
}

function tableFor(
  entries: readonly StatsEntry[],
  sort: StatsOrder | undefined,
  { width, glyphs, unicode }: Screen,
) {
  const number = (title: 'min' | 'max' | 'mean' | 'std') =>
    column(
      title,
      entries.map((entry) => numberText(entry[title])),
    );
  const dtype = column(
    'dtype',
    entries.map((entry) => entry.dtype),
    padEnd,
  );
  const numbers = [number('min'), number('max'), number('mean'), number('std')];
  const names = entries.map((entry) => lineName(entry, unicode));
  const longest = names.reduce((most, name) => Math.max(most, widthOf(name)), LEAST_NAME);
  const room = (columns: readonly Column[]) => columns.reduce((rest, each) => rest - each.width - GAP, width);
  // where the window is narrow, what says least goes first
  const sorted = sortedColumn(entries, sort);
  const share = column(
    'zeros',
    entries.map(({ zeros, count }) => shareText(Number(zeros), Number(count))),
  );
  const choices = [
    [dtype, ...numbers, ...(sort === 'zeros' ? [] : [share])],
    [dtype, ...numbers],
    numbers,
  ].map((each) => [...sorted, ...each]);
  const columns = choices.find((each) => room(each) >= Math.min(longest, width * SHARE_OF_NAMES)) ?? [
    ...sorted,
    ...numbers.slice(0, 3 - sorted.length),
  ];
  const nameWidth = Math.max(LEAST_NAME, Math.min(longest, room(columns)));
  const line = (name: string, textOf: (column: Column) => string) => {
    const cells = columns.map((each) => ' '.repeat(GAP) + each.pad(textOf(each), each.width));
    return (padEnd(cutMiddle(name, nameWidth, glyphs.ellipsis), nameWidth) + cells.join('')).trimEnd();
  };
  return {
    head: line('tensor', ({ title }) => title),
    row: (index: number) => line(names[index] as string, ({ cells }) => cells[index] as string),
  };
}

function lineName({ name, part }: StatsEntry, unicode: boolean): string {
  const shown = nameText(name, unicode);
  return part ? `${shown} ${part === 'real' ? 're' : 'im'}` : shown;
}

/** What is wrong with the numbers, or would be after a cast to float16. */
function remarkOf(entry: StatsEntry, verbose: boolean, { glyphs }: Screen): string {
  const { nan, positiveInfinity, negativeInfinity, casts, subnormals, dtype } = entry;
  const remarks: string[] = [];
  const remark = (count: Integer, text: string) => {
    if (Number(count) > 0) remarks.push(`${grouped(Number(count))} ${text}`);
  };
  remark(nan, 'NaN');
  remark(positiveInfinity, '+Inf');
  remark(negativeInfinity, '-Inf');
  if (casts) {
    remark(casts.float16.overflow, 'overflow in float16');
    remark(casts.bfloat16.overflow, 'overflow in bfloat16');
    if (verbose) {
      remark(casts.float16.underflow, 'vanish in float16');
      remark(casts.bfloat16.underflow, 'vanish in bfloat16');
    }
  }
  if (verbose) remark(subnormals, `subnormal in ${dtype}`);
  return remarks.join(glyphs.dot);
}

const LEVELS = '▁▂▃▄▅▆▇█';
const ASCII_LEVELS = '.:-=+*%#';

/** Heights by the root of the counts, so that the tails of a distribution show; an empty bin is a blank. */
function histogramLine(
  { min, max, counts }: NonNullable<StatsEntry['histogram']>,
  { unicode, inks }: Screen,
): string {
  const levels = unicode ? LEVELS : ASCII_LEVELS;
  const most = Math.max(...counts.map(Number));
  const bars = counts.map((count) => {
    if (Number(count) === 0) return ' ';
    return levels[Math.min(levels.length - 1, Math.floor(Math.sqrt(Number(count) / most) * levels.length))];
  });
  return `${numberText(min)} ${inks.number(bars.join(''))} ${numberText(max)}`;
}

function totalsText({ totals, tensors }: StatsDocument): string {
  const { nan, infinite } = totals;
  const sampled = tensors.some((entry) => entry.sampled) ? ' in the samples' : '';
  const bad = [
    ...(Number(nan) > 0
      ? [`${grouped(Number(nan))} NaN in ${counted(totals.tensorsWithNan, 'tensor')}`]
      : []),
    ...(Number(infinite) > 0
      ? [`${grouped(Number(infinite))} Inf in ${counted(totals.tensorsWithInfinite, 'tensor')}`]
      : []),
  ];
  const verdict = bad.length > 0 ? bad.join(', ') : `no NaN, no Inf${sampled}`;
  const skipped =
    totals.skipped > 0 ? `; ${counted(totals.skipped, 'tensor')} without numbers to look at` : '';
  return `${counted(totals.tensors, 'tensor')}, ${countText(totals.numbers)} ${Number(totals.numbers) === 1 ? 'number' : 'numbers'}: ${verdict}${skipped}.`;
}
