/**
 * Rounds float32 to the 16-bit floats as torch 2.13 does on x86-64: to nearest, ties to even, subnormals kept. Values stand as bit
 * patterns, so that no engine's handling of NaN comes between.
 */

const SIGN = 0x8000;
const INFINITY_32 = 0x7f800000;
const INFINITY_16 = 0x7c00;
const INFINITY_BF16 = 0x7f80;
/** Smallest float32 that is a normal float16: 2^-14. */
const NORMAL_16 = 0x38800000;
/** From here on float32 rounds to infinity: 65520. */
const BEYOND_16 = 0x477ff000;
/** Up to here float32 rounds to zero: 2^-25, which is a tie and goes to the even zero. */
const ZERO_16 = 0x33000000;
/** What torch's vector code makes of any NaN in float32. */
const VECTOR_NAN_BF16 = 0xffff;
/** What its scalar code makes of any NaN. */
const NAN_BF16 = 0x7fc0;

/** The float16 nearest to a float32. A NaN stays one, quiet, with the upper bits of its payload. */
export function halfOf(float32: number): number {
  const sign = (float32 >>> 16) & SIGN;
  const size = float32 & 0x7fffffff;
  if (size >= NORMAL_16 && size < BEYOND_16)
    return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  if (size <= ZERO_16) return sign;
  if (size < NORMAL_16) return sign | subnormalHalf(size);
  return sign | (size > INFINITY_32 ? 0x7e00 | ((size >>> 13) & 0x3ff) : INFINITY_16);
}

function subnormalHalf(size: number): number {
  const mantissa = (size & 0x7fffff) | 0x800000;
  const shift = 126 - (size >>> 23);
  const rounded = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (rounded & 1) === 1) ? rounded + 1 : rounded;
}

/** The bfloat16 nearest to a float32. */
export function bfloat16Of(float32: number, nan = NAN_BF16): number {
  if ((float32 & 0x7fffffff) > INFINITY_32) return nan;
  return ((float32 >>> 0) + 0x7fff + ((float32 >>> 16) & 1)) >>> 16;
}

/** @returns how many finite values became infinite. */
export function float32ToHalf(from: Uint32Array, into: Uint16Array): number {
  let overflow = 0;
  for (let i = 0; i < from.length; i++) {
    const bits = from[i] as number;
    const size = bits & 0x7fffffff;
    if (size >= NORMAL_16 && size < BEYOND_16) {
      into[i] = ((bits >>> 16) & SIGN) | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
    } else {
      into[i] = halfOf(bits);
      if (size >= BEYOND_16 && size < INFINITY_32) overflow++;
    }
  }
  return overflow;
}

/** @returns how many finite values became infinite. */
export function float32ToBfloat16(from: Uint32Array, into: Uint16Array): number {
  let overflow = 0;
  for (let i = 0; i < from.length; i++) {
    const bits = from[i] as number;
    const size = bits & 0x7fffffff;
    const rounded = bfloat16Of(bits, VECTOR_NAN_BF16);
    into[i] = rounded;
    if ((rounded & 0x7fff) === INFINITY_BF16 && size < INFINITY_32) overflow++;
  }
  return overflow;
}

/** @returns how many finite values became infinite. */
export function float64ToFloat32(from: Float64Array, into: Uint32Array): number {
  const floats = new Float32Array(into.buffer, into.byteOffset, into.length);
  let overflow = 0;
  let words: Uint32Array | undefined;
  for (let i = 0; i < from.length; i++) {
    const value = from[i] as number;
    if (Number.isNaN(value)) {
      // an engine may change the payload of a NaN that it handles as a number
      words ??= new Uint32Array(from.buffer, from.byteOffset, from.length * 2);
      const high = words[2 * i + 1] as number;
      const low = words[2 * i] as number;
      into[i] = (high & 0x80000000) | 0x7fc00000 | ((high & 0x7ffff) << 3) | (low >>> 29);
      continue;
    }
    floats[i] = value;
    if (((into[i] as number) & 0x7fffffff) === INFINITY_32 && Number.isFinite(value)) overflow++;
  }
  return overflow;
}
