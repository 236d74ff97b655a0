import { wideningTable } from '../torch/small-floats.ts';
import { bfloat16Of, halfOf } from './half-kernels.ts';
import { EMPTY, type Summary } from './summary.ts';

/** What each bit pattern of a format of at most 16 bits stands for. */
export interface PatternTable {
  /** Bits of a pattern. */
  readonly width: 4 | 8 | 16;
  readonly values: Float64Array;
  /** What a number of each pattern counts as: the flags below. */
  readonly flags: Uint8Array;
}

const SUBNORMAL = 1;
const HALF_OVERFLOW = 2;
const HALF_UNDERFLOW = 4;
const HALF_INEXACT = 8;
const BFLOAT_OVERFLOW = 16;
const BFLOAT_UNDERFLOW = 32;
const BFLOAT_INEXACT = 64;

const INFINITY_32 = 0x7f800000;

/** Exponents of the smallest normal number; the 8-bit powers of two know no subnormals. */
const SMALLEST_NORMAL: Readonly<Record<string, number>> = {
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
  float8_e5m2: 2 ** -14,
  float8_e4m3fn: 2 ** -6,
  float8_e5m2fnuz: 2 ** -15,
  float8_e4m3fnuz: 2 ** -7,
  float4_e2m1fn_x2: 1,
};

const MAGNITUDES_E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

const tables = new Map<string, PatternTable>();

/** The table of a format; undefined for one of more than 16 bits. It is made once. */
export function patternTable(format: string): PatternTable | undefined {
  let table = tables.get(format);
  if (!table) {
    table = integerTable(format) ?? floatTable(format);
    if (table) tables.set(format, table);
  }
  return table;
}

function integerTable(format: string): PatternTable | undefined {
  const made = (width: 4 | 8 | 16, meaning: (pattern: number) => number): PatternTable => ({
    width,
    values: Float64Array.from({ length: 2 ** width }, (_, pattern) => meaning(pattern)),
    flags: new Uint8Array(2 ** width),
  });
  if (format === 'uint8' || format === 'bool') return made(8, (pattern) => pattern);
  if (format === 'int8') return made(8, (pattern) => (pattern << 24) >> 24);
  if (format === 'uint16') return made(16, (pattern) => pattern);
  if (format === 'int16') return made(16, (pattern) => (pattern << 16) >> 16);
  if (format === 'uint4' || format === 'uint2') return made(4, (pattern) => pattern);
  return undefined;
}

function floatTable(format: string): PatternTable | undefined {
  const widened = format === 'float4_e2m1fn_x2' ? widenE2m1() : wideningTable(format);
  if (!widened) return undefined;
  const values = Float64Array.from(new Float32Array(widened.buffer));
  const normal = SMALLEST_NORMAL[format] ?? 0;
  const flags = new Uint8Array(widened.length);
  for (let pattern = 0; pattern < flags.length; pattern++) {
    const size = Math.abs(values[pattern] as number);
    flags[pattern] = (size > 0 && size < normal ? SUBNORMAL : 0) | castFlags(widened[pattern] as number);
  }
  return { width: widened.length === 16 ? 4 : widened.length === 256 ? 8 : 16, values, flags };
}

function widenE2m1(): Uint32Array {
  const floats = Float32Array.from([...MAGNITUDES_E2M1, ...MAGNITUDES_E2M1.map((size) => -size)]);
  return new Uint32Array(floats.buffer);
}

/** What a cast to the 16-bit floats would do to a float32. */
function castFlags(bits: number): number {
  const size = bits & 0x7fffffff;
  if (size >= INFINITY_32) return 0;
  const [half, bfloat] = [halfOf(bits), bfloat16Of(bits)];
  return (
    flagsOf(half & 0x7fff, size, 0x7c00, HALF_OVERFLOW, HALF_UNDERFLOW) |
    flagsOf(bfloat & 0x7fff, size, 0x7f80, BFLOAT_OVERFLOW, BFLOAT_UNDERFLOW) |
    (isExactHalf(size) ? 0 : HALF_INEXACT) |
    ((bits & 0xffff) === 0 ? 0 : BFLOAT_INEXACT)
  );
}

function flagsOf(rounded: number, size: number, infinity: number, over: number, under: number): number {
  if (rounded === infinity) return over;
  return rounded === 0 && size !== 0 ? under : 0;
}

/** Whether a finite float32 without its sign is a float16 too. */
export function isExactHalf(size: number): boolean {
  if (size === 0) return true;
  if (size >= 0x38800000) return size < 0x47800000 && (size & 0x1fff) === 0;
  // a subnormal float16 is a multiple of 2^-24, so the bits below that must be 0
  const shift = 126 - (size >>> 23);
  return shift <= 24 && (((size & 0x7fffff) | 0x800000) & ((1 << shift) - 1)) === 0;
}

/** How often patterns occur: those that do, and how often each. */
export interface PatternCounts {
  readonly patterns: Uint16Array;
  readonly times: Float64Array;
}

// one for a thread: half a megabyte for each of many tensors would keep the collector busy
const occurring = new Uint16Array(65536);
const occurrences = new Float64Array(65536);

/** Of a counter for each pattern. The result is good until the next is asked. */
export function occurringPatterns(counters: Uint32Array): PatternCounts {
  let found = 0;
  for (let pattern = 0; pattern < counters.length; pattern++) {
    const count = counters[pattern] as number;
    if (count === 0) continue;
    occurring[found] = pattern;
    occurrences[found++] = count;
  }
  return { patterns: occurring.subarray(0, found), times: occurrences.subarray(0, found) };
}

/** The summary of numbers of which it is known how often each pattern occurs. */
export function summarizePatterns(
  { values, flags }: PatternTable,
  { patterns, times }: PatternCounts,
): Summary {
  let count = 0;
  let [nan, positiveInfinity, negativeInfinity, zeros] = [0, 0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const byFlags = new Float64Array(2 * BFLOAT_INEXACT);
  // Neumaier's sum: what a term loses of its last digits is kept apart
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i] as number;
    const number = times[i] as number;
    const value = values[pattern] as number;
    count += number;
    if (Number.isNaN(value)) nan += number;
    else if (value === Number.POSITIVE_INFINITY) positiveInfinity += number;
    else if (value === Number.NEGATIVE_INFINITY) negativeInfinity += number;
    else {
      if (value === 0) zeros += number;
      if (value < min) min = value;
      if (value > max) max = value;
      const term = value * number;
      const next = sum + term;
      lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
      sum = next;
      const own = flags[pattern] as number;
      byFlags[own] = (byFlags[own] as number) + number;
    }
  }
  if (count === 0) return EMPTY;
  const finite = count - nan - positiveInfinity - negativeInfinity;
  const mean = (sum + lost) / finite;
  const of = (flag: number) =>
    byFlags.reduce((total, number, own) => total + ((own & flag) === 0 ? 0 : number), 0);
  return {
    count,
    nan,
    positiveInfinity,
    negativeInfinity,
    zeros,
    subnormals: of(SUBNORMAL),
    ...(finite === 0
      ? { min: 0, max: 0, mean: 0, meanRest: 0, deviation: 0 }
      : {
          min,
          max,
          mean,
          meanRest: 0,
          deviation: deviationOf(values, patterns, times, mean, finite),
        }),
    float16: { overflow: of(HALF_OVERFLOW), underflow: of(HALF_UNDERFLOW), exact: of(HALF_INEXACT) === 0 },
    bfloat16: {
      overflow: of(BFLOAT_OVERFLOW),
      underflow: of(BFLOAT_UNDERFLOW),
      exact: of(BFLOAT_INEXACT) === 0,
    },
  };
}

function deviationOf(
  values: Float64Array,
  patterns: Uint16Array,
  times: Float64Array,
  mean: number,
  finite: number,
): number {
  let squares = 0;
  for (let i = 0; i < patterns.length; i++) {
    const distance = (values[patterns[i] as number] as number) - mean;
    // false for NaN and infinities
    if (distance - distance === 0) squares += distance * distance * (times[i] as number);
  }
  return Math.sqrt(squares / finite);
}
