import type { Dtype } from '../torch/dtypes.ts';
import { wideningTable } from '../torch/small-floats.ts';
import { bfloat16Of, float32ToBfloat16, float32ToHalf, float64ToFloat32, halfOf } from './half-kernels.ts';
import { vectorKernels } from './vector-kernels.ts';

/** What floats can be cast to. */
export const CAST_TARGETS = ['float32', 'float16', 'bfloat16'] as const;
export type CastTarget = (typeof CAST_TARGETS)[number];

/**
 * Casts little-endian numbers, bit for bit as `tensor.to(dtype)` of torch 2.13 does. (Where its vector and scalar code make different
 * NaNs of a NaN, it is the one of the vector code.)
 *
 * @returns how many finite values became infinite.
 */
export type Cast = (from: Uint8Array, into: Uint8Array) => number;

/** The cast between two dtypes; undefined where there is none, or nothing to do. */
export function castOf(from: Dtype, to: CastTarget): Cast | undefined {
  if (from.name === to) return undefined;
  if (from.name === 'float32') return narrowing(to === 'float16' ? 'float16' : 'bfloat16');
  if (from.name === 'float64') return fromFloat64(to);
  const table = wideningTable(from.name);
  return table && byTable(table, to);
}

function narrowing(to: 'float16' | 'bfloat16'): Cast {
  if (vectorKernels) return vectorKernels[to];
  const kernel = to === 'float16' ? float32ToHalf : float32ToBfloat16;
  return (from, into) => onWords(into, Uint16Array, (words) => kernel(asWords(from, Uint32Array), words));
}

/** torch rounds to float32 first, so some values are rounded twice. */
function fromFloat64(to: CastTarget): Cast {
  const exact: Cast = (from, into) =>
    onWords(into, Uint32Array, (words) => float64ToFloat32(asWords(from, Float64Array), words));
  if (to === 'float32') return exact;
  const narrow = narrowing(to);
  return (from, into) => {
    const between = new Uint8Array(from.length / 2);
    return exact(from, between) + narrow(between, into);
  };
}

/** A source of 8 or 16 bits has few patterns: each is cast once. */
function byTable(widened: Uint32Array, to: CastTarget): Cast {
  const small = widened.length === 256;
  const source = (bytes: Uint8Array) => (small ? bytes : asWords(bytes, Uint16Array));
  if (to === 'float32')
    return (from, into) =>
      onWords(into, Uint32Array, (words) => {
        lookUp(source(from), widened, words);
        return 0;
      });
  const narrow = to === 'float16' ? halfOf : bfloat16Of;
  const table = Uint16Array.from(widened, (bits) => narrow(bits));
  const overflows = Uint8Array.from(widened, (bits, index) =>
    Number(isInfinite(table[index] as number, to) && !isSpecial(bits)),
  );
  const canOverflow = overflows.includes(1);
  return (from, into) =>
    onWords(into, Uint16Array, (words) => {
      const patterns = source(from);
      lookUp(patterns, table, words);
      return canOverflow ? count(patterns, overflows) : 0;
    });
}

function isSpecial(float32: number): boolean {
  return (float32 & 0x7f800000) === 0x7f800000;
}

function isInfinite(bits: number, dtype: CastTarget): boolean {
  return (bits & 0x7fff) === (dtype === 'float16' ? 0x7c00 : 0x7f80);
}

function lookUp<Words extends Uint16Array | Uint32Array>(
  from: Uint8Array | Uint16Array,
  table: Words,
  into: Words,
): void {
  for (let i = 0; i < from.length; i++) into[i] = table[from[i] as number] as number;
}

function count(patterns: Uint8Array | Uint16Array, flags: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < patterns.length; i++) sum += flags[patterns[i] as number] as number;
  return sum;
}

type WordArray = Uint16Array | Uint32Array | Float64Array;
interface WordsOf<Words extends WordArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Words;
  new (length: number): Words;
}

/** Bytes as numbers; copied where they don't stand where numbers can be read. */
function asWords<Words extends WordArray>(bytes: Uint8Array, make: WordsOf<Words>): Words {
  const size = make.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return new make(aligned.buffer, aligned.byteOffset, aligned.length / size);
}

/** Has numbers written into bytes, by a detour where those don't stand where numbers can be written. */
function onWords<Words extends WordArray>(
  bytes: Uint8Array,
  make: WordsOf<Words>,
  write: (words: Words) => number,
): number {
  const length = bytes.length / make.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % make.BYTES_PER_ELEMENT === 0)
    return write(new make(bytes.buffer, bytes.byteOffset, length));
  const words = new make(length);
  const result = write(words);
  bytes.set(new Uint8Array(words.buffer, words.byteOffset, bytes.length));
  return result;
}
