import { addSpread, type Histogram, unpackCounts } from '../packed-histogram.ts';
import type { NumberColumns, PageData } from '../page-data.ts';

/** What the numbers of one tensor are like, or those of several together. */
export interface Numbers {
  /** Tensors that have them. */
  readonly tensors: readonly number[];
  readonly count: number;
  readonly nan: number;
  readonly infinite: number;
  readonly zeros: number;
  readonly overflow: number;
  /** Of the finite numbers; null where there are none, and `std` of several tensors. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly std: number | null;
  /** Missing where all numbers are the same. */
  readonly histogram: Histogram | undefined;
  /** Finite numbers that lie outside of the histogram. */
  readonly beyond: number;
}

/** Bins of what several tensors come to. */
const BINS = 72;
/** Of the numbers, so many at either end may lie outside of it. */
const TAIL = 0.001;
/** Where the others take less than this part of the whole range, the ends are left out. */
const LEAST_SHARE = 0.5;
/** Cells of the grid of logarithms on which the tails are found, and the decades that it covers on either side. */
const CELLS = 4000;
const DECADES = 12;

/** Whether a dtype stands for fractions. Counters and indices would hide what weights are like. */
export function isFractional(dtype: string): boolean {
  return /float|complex|^q/.test(dtype);
}

/** The numbers of tensors; of several those that stand for fractions, where there are such. */
export function numbersOf(
  { tensors: { dtype }, dtypes }: Pick<PageData, 'tensors' | 'dtypes'>,
  columns: NumberColumns,
  tensors: readonly number[],
): Numbers | undefined {
  const held = tensors.filter((tensor) => (columns.count[tensor] ?? 0) > 0);
  const fractional = held.filter((tensor) => isFractional(dtypes[dtype[tensor] ?? -1]?.name ?? ''));
  const shown = fractional.length > 0 ? fractional : held;
  const [only] = shown;
  if (only === undefined) return undefined;
  const sum = (column: readonly number[]) => shown.reduce((all, tensor) => all + (column[tensor] ?? 0), 0);
  const extreme = (column: readonly (number | null)[], pick: (a: number, b: number) => number) =>
    shown.reduce<number | null>((most, tensor) => {
      const value = column[tensor] ?? null;
      return value === null || most === null ? (most ?? value) : pick(most, value);
    }, null);
  const counts = {
    tensors: shown,
    count: sum(columns.count),
    nan: sum(columns.nan),
    infinite: sum(columns.infinite),
    zeros: sum(columns.zeros),
    overflow: sum(columns.overflow),
    min: extreme(columns.min, Math.min),
    max: extreme(columns.max, Math.max),
  };
  const finite = counts.count - counts.nan - counts.infinite;
  const isOne = shown.length === 1;
  const mean = shown.reduce(
    (all, tensor) => all + (columns.mean[tensor] ?? 0) * (finiteIn(columns, tensor) / finite),
    0,
  );
  const histogram = isOne ? histogramOf(columns, only) : together(columns, shown, counts.min, counts.max);
  return {
    ...counts,
    mean: isOne ? (columns.mean[only] ?? null) : finite > 0 ? mean : null,
    std: isOne ? (columns.std[only] ?? null) : null,
    histogram,
    beyond: histogram ? Math.max(0, Math.round(finite - total(histogram.counts))) : 0,
  };
}

/** What was unpacked once. */
const UNPACKED = new WeakMap<NumberColumns, Map<number, Histogram | undefined>>();

/** The histogram of one tensor; nothing where all its numbers are the same. */
export function histogramOf(columns: NumberColumns, tensor: number): Histogram | undefined {
  const known = UNPACKED.get(columns) ?? new Map<number, Histogram | undefined>();
  UNPACKED.set(columns, known);
  if (!known.has(tensor)) known.set(tensor, unpacked(columns, tensor));
  return known.get(tensor);
}

/** Counts that were packed are made to agree with their sum. */
function unpacked(columns: NumberColumns, tensor: number): Histogram | undefined {
  const packed = columns.histogram[tensor] ?? '';
  const [min, max] = columns.range[tensor] ?? [columns.min[tensor] ?? 0, columns.max[tensor] ?? 0];
  if (packed === '' || !(min < max)) return undefined;
  const counts = coarser(unpackCounts(packed), columns.count[tensor] ?? 0);
  if (columns.range[tensor]) return { min, max, counts };
  const factor = finiteIn(columns, tensor) / total(counts);
  return { min, max, counts: counts.map((count) => count * factor) };
}

/** Fewer bins for few numbers, between which there would be nothing but gaps. */
function coarser(counts: readonly number[], numbers: number): readonly number[] {
  const fitting = [1, 2, 3, 4].find(
    (each) => counts.length % each === 0 && counts.length / each <= 2 * Math.sqrt(numbers),
  );
  const together = fitting ?? (counts.length % 4 === 0 ? 4 : 1);
  if (together === 1) return counts;
  return Array.from({ length: counts.length / together }, (_, bin) =>
    total(counts.slice(bin * together, (bin + 1) * together)),
  );
}

function finiteIn({ count, nan, infinite }: NumberColumns, tensor: number): number {
  return (count[tensor] ?? 0) - (nan[tensor] ?? 0) - (infinite[tensor] ?? 0);
}

/** A histogram over what nearly all numbers of the tensors cover. */
function together(
  columns: NumberColumns,
  tensors: readonly number[],
  min: number | null,
  max: number | null,
): Histogram | undefined {
  if (min === null || max === null || min === max) return undefined;
  const parts = tensors.flatMap((tensor): Histogram[] => {
    const value = columns.min[tensor] ?? null;
    const histogram = histogramOf(columns, tensor);
    if (histogram) return [histogram];
    return value === null ? [] : [{ min: value, max: value, counts: [finiteIn(columns, tensor)] }];
  });
  const range = withoutTails(parts, min, max);
  if (range.min >= range.max) return undefined;
  const counts = new Float64Array(BINS);
  for (const part of parts) addSpread(counts, range, part);
  return { ...range, counts: Array.from(counts) };
}

/** From the smallest to the largest number, or less where the rarest at both ends take most of that. */
function withoutTails(parts: readonly Histogram[], min: number, max: number): { min: number; max: number } {
  const unit = Math.max(Math.abs(min), Math.abs(max)) / 10 ** DECADES;
  const reach = Math.asinh(10 ** DECADES);
  const grid = new Float64Array(CELLS);
  for (const { min: from, max: to, counts } of parts) {
    const width = (to - from) / counts.length;
    for (let bin = 0; bin < counts.length; bin++) {
      const count = counts[bin] as number;
      if (count === 0) continue;
      const share = (Math.asinh((from + (bin + 0.5) * width) / unit) / reach + 1) / 2;
      const cell = Math.min(CELLS - 1, Math.max(0, Math.floor(share * CELLS)));
      grid[cell] = (grid[cell] as number) + count;
    }
  }
  const least = TAIL * total(grid);
  const edge = (cell: number) => unit * Math.sinh(((2 * cell) / CELLS - 1) * reach);
  let [first, last, before, after] = [0, CELLS - 1, 0, 0];
  while (first < last && before + (grid[first] as number) <= least) before += grid[first++] as number;
  while (last > first && after + (grid[last] as number) <= least) after += grid[last--] as number;
  const inner = { min: Math.max(min, edge(first)), max: Math.min(max, edge(last + 1)) };
  return inner.max - inner.min < LEAST_SHARE * (max - min) ? inner : { min, max };
}

function total(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) sum += counts[bin] as number;
  return sum;
}
