import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Histogram, TensorStatistics } from '../numeric/statistics.ts';
import { euclideanNorm, finiteCount, type Summary, sampleDeviation } from '../numeric/summary.ts';
import { argumentsOf, PyFloat, PyGlobal, PyObject, PyTuple } from '../pickle/values.ts';
import { type BackendEntry, BUILTIN } from './backend-entry.ts';
import {
  damageEntry,
  type ErrorEntry,
  type FileEntry,
  type Integer,
  integer,
  integers,
} from './inspect-document.ts';

export const STATS_SCHEMA = 'ckpt-doctor/stats/1';

export interface CastEntry {
  /** Finite numbers that would become infinite. */
  readonly overflow: Integer;
  /** Numbers other than zero that would become zero. */
  readonly underflow: Integer;
  /** Every number would stay the same. */
  readonly exact: boolean;
}

/** How the integers of a quantized tensor stand for numbers: `(integer - zeroPoint) * scale`. */
export interface QuantizerEntry {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** One tensor, or the real or imaginary parts of a complex one. */
export interface StatsEntry {
  readonly name: string;
  readonly part?: 'real' | 'imaginary';
  readonly dtype: string;
  readonly shape: readonly Integer[];
  readonly elements: Integer;
  /** Numbers that were looked at; 0 where there are none to look at. */
  readonly count: Integer;
  /** Only a part of the numbers was looked at. */
  readonly sampled: boolean;
  readonly nan: Integer;
  readonly positiveInfinity: Integer;
  readonly negativeInfinity: Integer;
  readonly zeros: Integer;
  readonly subnormals: Integer;
  /** Those below are of the finite numbers, and null where there are none or too few. */
  readonly min: Integer | null;
  readonly max: Integer | null;
  readonly mean: number | null;
  /** Of a sample, as `torch.std` computes it. */
  readonly std: number | null;
  readonly l2Norm: number | null;
  /** What a cast to a 16-bit float would do; of floating-point and complex tensors. */
  readonly casts?: { readonly float16: CastEntry; readonly bfloat16: CastEntry };
  readonly quantizer?: QuantizerEntry;
  readonly histogram?: { readonly min: number; readonly max: number; readonly counts: readonly Integer[] };
  /** Why there are no numbers. */
  readonly skipped?: string;
}

export interface StatsTotals {
  readonly tensors: number;
  readonly numbers: Integer;
  readonly nan: Integer;
  readonly infinite: Integer;
  readonly tensorsWithNan: number;
  readonly tensorsWithInfinite: number;
  readonly skipped: number;
}

/** `stats --format json`. */
export interface StatsDocument {
  readonly schema: typeof STATS_SCHEMA;
  readonly file: FileEntry;
  /** Damage that did not keep the rest from being read. */
  readonly error?: ErrorEntry;
  readonly backend: BackendEntry;
  /** Of all tensors that were looked at, also where `--top` lists only some. */
  readonly totals: StatsTotals;
  readonly tensors: readonly StatsEntry[];
}

export function statsDocument(
  checkpoint: Checkpoint,
  statistics: readonly TensorStatistics[],
  backend: BackendEntry = BUILTIN,
): StatsDocument {
  const { path, fileSize, source, damage } = checkpoint;
  return {
    schema: STATS_SCHEMA,
    file: { path, bytes: fileSize ?? source.size },
    ...(damage.length > 0 && { error: damageEntry(damage) }),
    backend,
    totals: totalsOf(statistics),
    tensors: statistics.map(statsEntry),
  };
}

function totalsOf(statistics: readonly TensorStatistics[]): StatsTotals {
  let [numbers, nan, infinite, skipped] = [0, 0, 0, 0];
  const withNan = new Set<unknown>();
  const withInfinite = new Set<unknown>();
  for (const { tensor, summary } of statistics) {
    if (!summary) {
      skipped++;
      continue;
    }
    const infinities = summary.positiveInfinity + summary.negativeInfinity;
    numbers += summary.count;
    nan += summary.nan;
    infinite += infinities;
    if (summary.nan > 0) withNan.add(tensor);
    if (infinities > 0) withInfinite.add(tensor);
  }
  return {
    tensors: new Set(statistics.map(({ tensor }) => tensor)).size,
    numbers: integer(numbers),
    nan: integer(nan),
    infinite: integer(infinite),
    tensorsWithNan: withNan.size,
    tensorsWithInfinite: withInfinite.size,
    skipped,
  };
}

const NOTHING = {
  count: 0,
  sampled: false,
  nan: 0,
  positiveInfinity: 0,
  negativeInfinity: 0,
  zeros: 0,
  subnormals: 0,
  min: null,
  max: null,
  mean: null,
  std: null,
  l2Norm: null,
};

export function statsEntry(statistics: TensorStatistics): StatsEntry {
  const { tensor, part, summary, sampled, histogram, skipped } = statistics;
  const quantizer = tensor.kind === 'quantized' ? quantizerOf(tensor.node) : undefined;
  return {
    name: tensor.name,
    ...(part && { part }),
    dtype: tensor.dtype.name,
    shape: integers(tensor.shape),
    elements: integer(tensor.elements),
    ...(summary ? numbersEntry(summary, sampled) : NOTHING),
    ...(summary && isFloating(tensor.dtype.family) && { casts: castsEntry(summary) }),
    ...(quantizer && { quantizer }),
    ...(histogram && { histogram: histogramEntry(histogram) }),
    ...(skipped !== undefined && { skipped }),
  };
}

function isFloating(family: string): boolean {
  return family === 'float' || family === 'complex';
}

function numbersEntry(summary: Summary, sampled: boolean) {
  const isAny = finiteCount(summary) > 0;
  return {
    count: integer(summary.count),
    sampled,
    nan: integer(summary.nan),
    positiveInfinity: integer(summary.positiveInfinity),
    negativeInfinity: integer(summary.negativeInfinity),
    zeros: integer(summary.zeros),
    subnormals: integer(summary.subnormals),
    min: isAny ? extreme(summary.min) : null,
    max: isAny ? extreme(summary.max) : null,
    mean: isAny ? finite(summary.mean) : null,
    std: finite(sampleDeviation(summary)),
    l2Norm: isAny ? finite(euclideanNorm(summary)) : null,
  };
}

function castsEntry({ float16, bfloat16 }: Summary) {
  const entry = ({ overflow, underflow, exact }: Summary['float16']): CastEntry => ({
    overflow: integer(overflow),
    underflow: integer(underflow),
    exact,
  });
  return { float16: entry(float16), bfloat16: entry(bfloat16) };
}

function histogramEntry({ min, max, counts }: Histogram) {
  return { min, max, counts: integers(counts) };
}

/** JSON knows no infinity, which the norm of numbers near the largest double comes to. */
function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value + 0 : null;
}

function extreme(value: number | bigint): Integer {
  return typeof value === 'bigint' ? value.toString() : value + 0;
}

/** Of a tensor that is quantized with one scale for all of it. */
function quantizerOf(node: unknown): QuantizerEntry | undefined {
  const quantizer = node instanceof PyObject ? argumentsOf(node)[4] : undefined;
  if (!(quantizer instanceof PyTuple)) return undefined;
  const [scheme, scale, zeroPoint] = quantizer.items;
  if (!(scheme instanceof PyGlobal && scheme.name === 'per_tensor_affine')) return undefined;
  const factor = scale instanceof PyFloat ? scale.value : scale;
  return typeof factor === 'number' && typeof zeroPoint === 'number'
    ? { scale: factor, zeroPoint }
    : undefined;
}
