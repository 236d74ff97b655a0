import { isExactHalf } from './patterns.ts';
import { EMPTY, type Summary } from './summary.ts';

/**
 * Summaries of blocks of numbers of 32 and 64 bits, in plain TypeScript. A block goes through twice, for the mean and for the distances to
 * it, so it should fit into the cache of the processor.
 */

const INFINITY_32 = 0x7f800000;
const NORMAL_32 = 0x00800000;
/** float32 of ordinary size for a float16: from 2^-14 to below 65520. */
const NORMAL_HALF = 0x38800000;
const BEYOND_HALF = 0x477ff000;
/** Up to here a float32 rounds to zero. */
const ZERO_HALF = 0x33000000;
const ZERO_BFLOAT = 0x8000;
const BEYOND_BFLOAT = 0x7f7f8000;
const SMALLEST_NORMAL_64 = 2 ** -1022;

export function summarizeFloat32(floats: Float32Array): Summary {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  let [nan, positiveInfinity, negativeInfinity, zeros, subnormals] = [0, 0, 0, 0, 0];
  let [halfOverflow, halfUnderflow, bfloatOverflow, bfloatUnderflow] = [0, 0, 0, 0];
  let exactHalf = true;
  let ordinaryBits = 0;
  let allBits = 0;
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < words.length; i++) {
    const bits = words[i] as number;
    const size = bits & 0x7fffffff;
    if (size >= NORMAL_HALF && size < BEYOND_HALF) ordinaryBits |= bits;
    else if (size >= INFINITY_32) {
      if (size > INFINITY_32) nan++;
      else if (bits === size) positiveInfinity++;
      else negativeInfinity++;
      continue;
    } else if (size === 0) zeros++;
    else {
      if (size < NORMAL_32) subnormals++;
      if (size >= BEYOND_HALF) halfOverflow++;
      else if (size <= ZERO_HALF) halfUnderflow++;
      if (size >= BEYOND_BFLOAT) bfloatOverflow++;
      else if (size <= ZERO_BFLOAT) bfloatUnderflow++;
      if (exactHalf) exactHalf = isExactHalf(size);
    }
    allBits |= bits;
    const value = floats[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const finite = words.length - nan - positiveInfinity - negativeInfinity;
  return {
    count: words.length,
    nan,
    positiveInfinity,
    negativeInfinity,
    zeros,
    subnormals,
    ...momentsOf(floats, finite, min, max, sum),
    float16: {
      overflow: halfOverflow,
      underflow: halfUnderflow,
      exact: exactHalf && (ordinaryBits & 0x1fff) === 0,
    },
    bfloat16: { overflow: bfloatOverflow, underflow: bfloatUnderflow, exact: (allBits & 0xffff) === 0 },
  };
}

/** As torch, a cast to a 16-bit float rounds to float32 first. */
export function summarizeFloat64(values: Float64Array): Summary {
  let [nan, positiveInfinity, negativeInfinity, zeros, subnormals] = [0, 0, 0, 0, 0];
  let [halfOverflow, halfUnderflow, bfloatOverflow, bfloatUnderflow] = [0, 0, 0, 0];
  let [exactHalf, exactBfloat] = [true, true];
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  const word = new Uint32Array(1);
  const narrow = new Float32Array(word.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) {
      nan++;
      continue;
    }
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
      if (value > 0) positiveInfinity++;
      else negativeInfinity++;
      continue;
    }
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    narrow[0] = value;
    const bits = word[0] as number;
    const size = bits & 0x7fffffff;
    const isFloat32 = narrow[0] === value;
    if (exactHalf && !(isFloat32 && isExactHalf(size))) exactHalf = false;
    if (exactBfloat && !(isFloat32 && (bits & 0xffff) === 0)) exactBfloat = false;
    if (size >= NORMAL_HALF && size < BEYOND_HALF) continue;
    if (value === 0) {
      zeros++;
      continue;
    }
    if (Math.abs(value) < SMALLEST_NORMAL_64) subnormals++;
    if (size >= BEYOND_HALF) halfOverflow++;
    else if (size <= ZERO_HALF) halfUnderflow++;
    if (size >= BEYOND_BFLOAT) bfloatOverflow++;
    else if (size <= ZERO_BFLOAT) bfloatUnderflow++;
  }
  const finite = values.length - nan - positiveInfinity - negativeInfinity;
  return {
    count: values.length,
    nan,
    positiveInfinity,
    negativeInfinity,
    zeros,
    subnormals,
    ...momentsOf(values, finite, min, max, sum),
    float16: { overflow: halfOverflow, underflow: halfUnderflow, exact: exactHalf },
    bfloat16: { overflow: bfloatOverflow, underflow: bfloatUnderflow, exact: exactBfloat },
  };
}

export function summarizeIntegers(values: Int32Array | Uint32Array): Summary {
  let zeros = 0;
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value === 0) zeros++;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  return {
    ...EMPTY,
    count: values.length,
    zeros,
    ...momentsOf(values, values.length, min, max, sum),
  };
}

/** Integers of 64 bits, in little-endian halves, as the nearest doubles: a bigint for each would be an object for each. */
export function longsOf(words: Uint32Array, signed: boolean): Float64Array {
  const highs = signed ? new Int32Array(words.buffer, words.byteOffset, words.length) : words;
  const values = new Float64Array(words.length / 2);
  for (let i = 0; i < values.length; i++)
    values[i] = (highs[2 * i + 1] as number) * 2 ** 32 + (words[2 * i] as number);
  return values;
}

export function summarizeLongs(words: Uint32Array, signed: boolean): Summary {
  const count = words.length / 2;
  const highs = signed ? new Int32Array(words.buffer, words.byteOffset, words.length) : words;
  const values = longsOf(words, signed);
  let zeros = 0;
  let sum = 0;
  let [least, most] = [1, 1];
  for (let i = 1; i < words.length; i += 2) {
    const high = highs[i] as number;
    const low = words[i - 1] as number;
    const value = values[i >>> 1] as number;
    sum += value;
    if (value === 0) zeros++;
    const smallest = highs[least] as number;
    if (high < smallest || (high === smallest && low < (words[least - 1] as number))) least = i;
    const largest = highs[most] as number;
    if (high > largest || (high === largest && low > (words[most - 1] as number))) most = i;
  }
  if (count === 0) return EMPTY;
  const whole = (at: number) => exactly(highs[at] as number, words[at - 1] as number);
  const { mean, meanRest, deviation } = momentsOf(values, count, 0, 0, sum);
  return { ...EMPTY, count, zeros, min: whole(least), max: whole(most), mean, meanRest, deviation };
}

function exactly(high: number, low: number): number | bigint {
  const value = high * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) + BigInt(low);
}

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array;
type Moments = Pick<Summary, 'min' | 'max' | 'mean' | 'meanRest' | 'deviation'>;

function momentsOf(values: Numbers, finite: number, min: number, max: number, sum: number): Moments {
  if (finite === 0) return { min: 0, max: 0, mean: 0, meanRest: 0, deviation: 0 };
  // the sum of numbers near the largest double overflows where their mean does not
  const mean = Number.isFinite(sum) ? sum / finite : meanOfShares(values, finite);
  return { min, max, mean, ...spreadOf(values, finite, mean) };
}

function meanOfShares(values: Numbers, finite: number): number {
  let mean = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isFinite(value)) mean += value / finite;
  }
  return mean;
}

/** Outside of this range squares lose digits or overflow. */
const SMALLEST_SQUARE = 1e-270;
const LARGEST_SQUARE = 1e290;

/** The sum of the distances, which would be 0 around the exact mean, tells what the mean lost to rounding. */
function spreadOf(values: Numbers, finite: number, mean: number): Pick<Moments, 'meanRest' | 'deviation'> {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const distance = (values[i] as number) - mean;
    // false for NaN and infinities too
    if (distance - distance === 0) {
      sum += distance;
      squares += distance * distance;
    }
  }
  const meanRest = sum / finite;
  if (squares > SMALLEST_SQUARE && squares < LARGEST_SQUARE)
    return { meanRest, deviation: Math.sqrt(Math.max(0, squares - sum * meanRest) / finite) };
  return { meanRest: 0, deviation: scaledDeviation(values, finite, mean, squares > 1) };
}

/** In units in which the squares keep their digits; the distances themselves may overflow too. */
function scaledDeviation(values: Numbers, finite: number, mean: number, isLarge: boolean): number {
  const unit = isLarge ? 2 ** -600 : 2 ** 600;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    const distance = isLarge ? value * unit - mean * unit : (value - mean) * unit;
    squares += distance * distance;
  }
  return Math.sqrt(squares / finite) / unit;
}
