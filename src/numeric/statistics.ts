import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import type { Segment } from '../io/segment.ts';
import { type BinRange, crowdedRange } from './bins.ts';
import { cutLayout, numbersOf, type TensorNumbers } from './layout.ts';
import type { Scan } from './scan.ts';
import { runScans, type StoredScan } from './scheduler.ts';
import { EMPTY, finiteCount, merge, negated, repeated, type Summary } from './summary.ts';
import type { SummaryKernels } from './summary-kernels.ts';

export interface Histogram extends Omit<BinRange, 'bins'> {
  readonly counts: readonly number[];
}

/** What the numbers of a tensor are like; of a complex one those of its real and those of its imaginary parts. */
export interface TensorStatistics {
  readonly tensor: Tensor;
  readonly part?: 'real' | 'imaginary';
  /** Undefined where there is nothing to look at. */
  readonly summary: Summary | undefined;
  /** Why there is nothing to look at. */
  readonly skipped?: string;
  /** Only a part of the numbers was looked at. */
  readonly sampled: boolean;
  /** There where one was asked for and there are finite numbers. */
  readonly histogram?: Histogram;
}

export interface StatisticsOptions {
  /** Look at 16 stretches of 64 KiB of each tensor, instead of all of it. */
  readonly sample?: boolean;
  /** Count the numbers in so many equal bins from the smallest to the largest; reads the bytes a second time. */
  readonly bins?: number;
  /**
   * Where a few numbers lie so far out that nearly all others share one bin, the bins are those of a narrower range, and what lies beyond
   * is not counted; reads such tensors again.
   */
  readonly narrow?: boolean;
  /** Kernels to use instead of the built-in ones. */
  readonly kernels?: SummaryKernels | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Bytes that are looked at in one piece: small enough to share the work evenly. */
const PIECE = 32 * 2 ** 20;
const SAMPLE = 64 * 1024;
const SAMPLES = 16;
/** How often a range is narrowed to one of its bins. */
const MOST_ROUNDS = 4;

/** Numbers that one or several tensors show. */
interface Task {
  readonly numbers: TensorNumbers;
  readonly scans: readonly StoredScan[];
  readonly sampled: boolean;
}

/**
 * Reads the numbers of tensors, and tells what they are like. Memory does not grow with the tensors. What several tensors show is
 * looked at once.
 *
 * @throws UnreadableError where bytes can't be had.
 */
export async function computeStatistics(
  tensors: readonly Tensor[],
  options: StatisticsOptions = {},
): Promise<TensorStatistics[]> {
  const shown = tensors.flatMap(withData);
  const tasksOf = planTasks(shown, options.sample ?? false);
  const tasks = [
    ...new Set([...tasksOf.values()].flatMap((found) => (typeof found === 'string' ? [] : found))),
  ];
  const passes = options.bins ? 2 : 1;
  const total = passes * sumOf(tasks.flatMap(({ scans }) => scans.map(bytesOf)));
  let before = 0;
  const progress = (done: number) => options.onProgress?.(before + done, total);
  const summaries = await summarize(tasks, progress, options.kernels);
  before = total / 2;
  const histograms = options.bins ? await countBins(tasks, summaries, options.bins, progress) : new Map();
  if (options.narrow) await narrowBins(histograms, summaries);
  return shown.flatMap((tensor): TensorStatistics[] => {
    const found = tasksOf.get(tensor) as readonly Task[] | string;
    if (typeof found === 'string') return [{ tensor, summary: undefined, skipped: found, sampled: false }];
    return found.map((task) => {
      const { part, times, negative } = task.numbers;
      const summary = repeated(summaries.get(task) as Summary, times);
      const histogram = histograms.get(task) as Histogram | undefined;
      return {
        tensor,
        ...(part && { part }),
        summary: negative ? negated(summary) : summary,
        sampled: task.sampled,
        ...(histogram && { histogram: shownAs(histogram, times, negative) }),
      };
    });
  });
}

/** A sparse or nested tensor has its numbers in its parts. */
function withData(tensor: Tensor): Tensor[] {
  if (tensor.storage || tensor.parts.length === 0) return [tensor];
  return tensor.parts.flatMap(withData);
}

function planTasks(tensors: readonly Tensor[], sample: boolean): Map<Tensor, readonly Task[] | string> {
  const planned = new Map<Tensor, readonly Task[] | string>();
  const known = new Map<Storage, Map<string, readonly Task[] | string>>();
  for (const tensor of tensors) {
    const { storage, dtype, storageOffset, shape, stride, conj, neg } = tensor;
    let ofStorage = storage && known.get(storage);
    if (storage && !ofStorage) {
      ofStorage = new Map();
      known.set(storage, ofStorage);
    }
    const key = `${dtype.name} ${storageOffset} ${shape.join()} ${stride.join()} ${conj} ${neg}`;
    let tasks = ofStorage?.get(key);
    if (tasks === undefined) {
      const numbers = numbersOf(tensor);
      tasks =
        typeof numbers === 'string'
          ? numbers
          : numbers.map((each) => taskOf(each, tensor.storage as Storage, sample));
      ofStorage?.set(key, tasks);
    }
    planned.set(tensor, tasks);
  }
  return planned;
}

function taskOf(numbers: TensorNumbers, { content, byteOrder }: Storage, sample: boolean): Task {
  const { layout, format } = numbers;
  const pieces = cutLayout(layout, format.bytes, format.packed ?? 1, sample ? SAMPLE : PIECE);
  const sampled = sample && pieces.length > SAMPLES;
  const chosen = sampled ? evenly(pieces, SAMPLES) : pieces;
  const scans = chosen.map((piece) => ({
    content: content as Segment,
    scan: { layout: piece, format, byteOrder },
  }));
  return { numbers, scans, sampled };
}

/** So many of them, from the first to the last. */
function evenly<T>(items: readonly T[], count: number): T[] {
  return Array.from(
    { length: count },
    (_, index) => items[Math.round((index * (items.length - 1)) / (count - 1))] as T,
  );
}

async function summarize(
  tasks: readonly Task[],
  onProgress: (done: number) => void,
  kernels: SummaryKernels | undefined,
): Promise<Map<Task, Summary>> {
  const results = await runScans(
    tasks.flatMap(({ scans }) => scans),
    onProgress,
    kernels,
  );
  let next = 0;
  return new Map(
    tasks.map((task) => {
      const parts = task.scans.map(() => results[next++] as Summary);
      return [task, mergeAll(parts)];
    }),
  );
}

/** By halves, so that rounding errors grow with the logarithm of the number of pieces. */
function mergeAll(parts: readonly Summary[]): Summary {
  if (parts.length <= 1) return parts[0] ?? EMPTY;
  const middle = parts.length >>> 1;
  return merge(mergeAll(parts.slice(0, middle)), mergeAll(parts.slice(middle)));
}

async function countBins(
  tasks: readonly Task[],
  summaries: ReadonlyMap<Task, Summary>,
  bins: number,
  onProgress: (done: number) => void,
): Promise<Map<Task, Histogram>> {
  const ranged = tasks.flatMap((task): RangedTask[] => {
    const summary = summaries.get(task) as Summary;
    if (finiteCount(summary) === 0) return [];
    return [{ task, range: { min: Number(summary.min), max: Number(summary.max), bins } }];
  });
  return countRanges(ranged, onProgress);
}

interface RangedTask {
  readonly task: Task;
  readonly range: BinRange;
}

/** Puts narrower histograms in the place of those in which nearly all numbers share a bin. */
async function narrowBins(
  histograms: Map<Task, Histogram>,
  summaries: ReadonlyMap<Task, Summary>,
): Promise<void> {
  let open = [...histograms.keys()];
  for (let round = 0; round < MOST_ROUNDS && open.length > 0; round++) {
    const ranged = open.flatMap((task): RangedTask[] => {
      const histogram = histograms.get(task) as Histogram;
      const range = crowdedRange(histogram, histogram.counts, (summaries.get(task) as Summary).zeros);
      return range ? [{ task, range: { ...range, bins: histogram.counts.length } }] : [];
    });
    for (const [task, histogram] of await countRanges(ranged)) histograms.set(task, histogram);
    open = ranged.map(({ task }) => task);
  }
}

async function countRanges(
  ranged: readonly RangedTask[],
  onProgress: (done: number) => void = () => {},
): Promise<Map<Task, Histogram>> {
  const results = await runScans(
    ranged.flatMap(({ task, range }) => task.scans.map((each) => withRange(each, range))),
    onProgress,
  );
  let next = 0;
  return new Map(
    ranged.map(({ task, range: { min, max, bins } }) => {
      const counts = new Array<number>(bins).fill(0);
      for (const _ of task.scans) {
        const part = results[next++] as Float64Array;
        for (let bin = 0; bin < bins; bin++) counts[bin] = (counts[bin] as number) + (part[bin] as number);
      }
      return [task, { min, max, counts }];
    }),
  );
}

function withRange({ content, scan }: StoredScan, range: BinRange): StoredScan {
  return { content, scan: { ...scan, range } };
}

function shownAs({ min, max, counts }: Histogram, times: number, negative: boolean): Histogram {
  const shown = counts.map((count) => count * times);
  return negative ? { min: -max, max: -min, counts: shown.reverse() } : { min, max, counts: shown };
}

/** Bytes of the numbers that a scan looks at. */
function bytesOf({ scan: { layout } }: { readonly scan: Scan }): number {
  return layout.dims.reduce((bytes, { size }) => bytes * size, layout.run);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
