import type { Integer } from './inspect-document.ts';
import type { StatsEntry } from './stats-document.ts';

/** What tensors can be sorted by; all but the first with the largest first. */
export const STATS_ORDERS = [
  'file',
  'name',
  'elements',
  'min',
  'max',
  'mean',
  'std',
  'l2Norm',
  'zeros',
  'subnormals',
  'nan',
  'infinite',
  'overflow',
] as const;
export type StatsOrder = (typeof STATS_ORDERS)[number];

type Measure = (entry: StatsEntry) => Integer | null;

/** Orders by a number. */
export type MeasuredOrder = Exclude<StatsOrder, 'file' | 'name'>;

const MEASURES: Readonly<Record<MeasuredOrder, Measure>> = {
  elements: ({ elements }) => elements,
  min: ({ min }) => min,
  max: ({ max }) => max,
  mean: ({ mean }) => mean,
  std: ({ std }) => std,
  l2Norm: ({ l2Norm }) => l2Norm,
  zeros: ({ zeros }) => zeros,
  subnormals: ({ subnormals }) => subnormals,
  nan: ({ nan }) => nan,
  infinite: ({ positiveInfinity, negativeInfinity }) => Number(positiveInfinity) + Number(negativeInfinity),
  overflow: ({ casts }) => casts?.float16.overflow ?? null,
};

/** What an order compares. */
export function measureOf(order: MeasuredOrder): Measure {
  return MEASURES[order];
}

/** Sorted, with what has no such number at the end; equals stay in the order of the file. */
export function sortStats(entries: readonly StatsEntry[], order: StatsOrder): readonly StatsEntry[] {
  if (order === 'file') return entries;
  if (order === 'name') return entries.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const measure = measureOf(order);
  const rank = (entry: StatsEntry): number => {
    const value = measure(entry);
    return value === null ? Number.NEGATIVE_INFINITY : Number(value);
  };
  return entries.toSorted((a, b) => (rank(b) > rank(a) ? 1 : rank(b) < rank(a) ? -1 : 0));
}
