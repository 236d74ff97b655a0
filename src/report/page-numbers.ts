import type { Tensor } from '../checkpoint/tensor.ts';
import type { TensorStatistics } from '../numeric/statistics.ts';
import { finiteCount, merge, type Summary, sampleDeviation } from '../numeric/summary.ts';
import { addSpread, type Histogram, packCounts } from './packed-histogram.ts';
import type { NumberColumns } from './page-data.ts';

/** Bins of the histograms on the page. */
export const PAGE_BINS = 48;
/** Digits that the page keeps of a number; it shows three. */
const DIGITS = 6;

/** What the numbers of one tensor are like. */
interface Numbers {
  readonly summary: Summary;
  readonly histogram: Histogram | undefined;
  readonly sampled: boolean;
}

/** The numbers of tensors as the page has them; those of a complex tensor are its real and its imaginary parts together. */
export function numberColumns(
  tensors: readonly Tensor[],
  statistics: readonly TensorStatistics[],
): NumberColumns {
  const byTensor = new Map<Tensor, Map<string, TensorStatistics>>();
  for (const each of statistics) {
    const parts = byTensor.get(each.tensor) ?? new Map<string, TensorStatistics>();
    byTensor.set(each.tensor, parts.set(each.part ?? '', each));
  }
  const all = tensors.map((tensor) =>
    joined(dataOf(tensor).flatMap((each) => [...(byTensor.get(each)?.values() ?? [])])),
  );
  const counts = (count: (summary: Summary) => number) =>
    all.map((numbers) => (numbers ? count(numbers.summary) : 0));
  const finite = (value: (summary: Summary) => number | bigint | undefined) =>
    all.map((numbers) =>
      numbers && finiteCount(numbers.summary) > 0 ? short(value(numbers.summary)) : null,
    );
  return {
    sampled: all.some((numbers) => numbers?.sampled),
    count: counts(({ count }) => count),
    nan: counts(({ nan }) => nan),
    infinite: counts(({ positiveInfinity, negativeInfinity }) => positiveInfinity + negativeInfinity),
    zeros: counts(({ zeros }) => zeros),
    overflow: counts(({ float16 }) => float16.overflow),
    min: finite(({ min }) => min),
    max: finite(({ max }) => max),
    mean: finite(({ mean }) => mean),
    std: finite(sampleDeviation),
    histogram: all.map((numbers) =>
      numbers?.histogram && numbers.histogram.min < numbers.histogram.max
        ? packCounts(numbers.histogram.counts)
        : '',
    ),
    range: all.map((numbers) => narrowRange(numbers)),
  };
}

/** The tensors that hold the numbers of one: itself, or of a sparse one its values and not its indices. */
function dataOf(tensor: Tensor): readonly Tensor[] {
  if (tensor.storage || tensor.parts.length === 0) return [tensor];
  const values = tensor.parts.filter(({ dtype }) => dtype === tensor.dtype);
  return (values.length > 0 ? values : tensor.parts).flatMap(dataOf);
}

function joined(statistics: readonly TensorStatistics[]): Numbers | undefined {
  const all = statistics.flatMap(({ summary, histogram, sampled }) =>
    summary && summary.count > 0 ? [{ summary, histogram, sampled }] : [],
  );
  return all.reduce<Numbers | undefined>(
    (sum, each) =>
      sum
        ? {
            summary: merge(sum.summary, each.summary),
            histogram: together(sum.histogram, each.histogram),
            sampled: sum.sampled || each.sampled,
          }
        : each,
    undefined,
  );
}

/** One histogram over both ranges. */
function together(a: Histogram | undefined, b: Histogram | undefined): Histogram | undefined {
  if (!a || !b) return a ?? b;
  const range = { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
  if (range.min === range.max) return range.min === a.min ? a : b;
  const counts = new Float64Array(a.counts.length);
  for (const each of [a, b]) addSpread(counts, range, each);
  return { ...range, counts: Array.from(counts) };
}

/** Where the histogram does not go from the smallest to the largest number. */
function narrowRange(numbers: Numbers | undefined): readonly [number, number] | null {
  if (!numbers?.histogram) return null;
  const { summary, histogram } = numbers;
  if (histogram.min === Number(summary.min) && histogram.max === Number(summary.max)) return null;
  return [short(histogram.min) ?? 0, short(histogram.max) ?? 0];
}

function short(value: number | bigint | undefined): number | null {
  if (value === undefined || !Number.isFinite(Number(value))) return null;
  return Number(Number(value).toPrecision(DIGITS)) + 0;
}
