/** What the bit patterns of floats of 8 and 16 bits stand for, as bit patterns of float32, just as torch 2.13 widens them. */

const QUIET = 0x400000;
const INFINITY = 0x7f800000;
/** torch's tables for the formats with a single NaN hold this one. */
const LONE_NAN = 0x7f800001;

/** Layout of a float of 8 bits. */
interface Format {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** `ieee` has infinities, `fn` none and NaN in the last pattern, `fnuz` only NaN, in the place of -0. */
  readonly special: 'ieee' | 'fn' | 'fnuz';
}

const HALF: Format = { exponentBits: 5, mantissaBits: 10, bias: 15, special: 'ieee' };

const FORMATS: Readonly<Record<string, Format>> = {
  float8_e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'fn' },
  float8_e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  float8_e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'fnuz' },
  float8_e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'fnuz' },
};

const TABLES = new Map<string, Uint32Array | undefined>();

/** Bit patterns of float32 for each pattern of a small float; undefined for a dtype that is none. One table a dtype, for all to read. */
export function wideningTable(dtype: string): Uint32Array | undefined {
  if (!TABLES.has(dtype)) TABLES.set(dtype, makeTable(dtype));
  return TABLES.get(dtype);
}

function makeTable(dtype: string): Uint32Array | undefined {
  if (dtype === 'bfloat16') return Uint32Array.from({ length: 65536 }, (_, bits) => bits << 16);
  if (dtype === 'float16') return Uint32Array.from({ length: 65536 }, (_, bits) => widen(bits, HALF));
  if (dtype === 'float8_e8m0fnu') return Uint32Array.from({ length: 256 }, (_, bits) => powerOfTwo(bits));
  const format = FORMATS[dtype];
  return format && Uint32Array.from({ length: 256 }, (_, bits) => widen(bits, format));
}

function widen(bits: number, { exponentBits, mantissaBits, bias, special }: Format): number {
  const sign = (bits >>> (exponentBits + mantissaBits)) << 31;
  const exponent = (bits >>> mantissaBits) & ((1 << exponentBits) - 1);
  const mantissa = bits & ((1 << mantissaBits) - 1);
  const payload = mantissa << (23 - mantissaBits);
  const last = exponent === (1 << exponentBits) - 1;
  if (special === 'fnuz' && sign !== 0 && exponent === 0 && mantissa === 0) return LONE_NAN;
  if (special === 'ieee' && last) return sign | INFINITY | (mantissa === 0 ? 0 : QUIET | payload);
  if (special === 'fn' && last && mantissa === (1 << mantissaBits) - 1) return sign | 0x7ff00000;
  if (exponent > 0) return sign | ((exponent - bias + 127) << 23) | payload;
  if (mantissa === 0) return sign;
  // a subnormal has its leading one somewhere in the mantissa
  const lead = 31 - Math.clz32(mantissa);
  const fraction = (mantissa << (23 - lead)) & 0x7fffff;
  return sign | ((lead - mantissaBits + 1 - bias + 127) << 23) | fraction;
}

/** An exponent alone; the smallest is a subnormal of float32. */
function powerOfTwo(bits: number): number {
  if (bits === 255) return LONE_NAN;
  return bits === 0 ? QUIET : bits << 23;
}
