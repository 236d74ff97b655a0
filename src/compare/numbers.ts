import type { Dtype } from '../torch/dtypes.ts';
import { wideningTable } from '../torch/small-floats.ts';
import type { LongIntegers, Numbers } from './difference.ts';

/** Turns the bytes of whole elements into numbers. What it gives is good until it is called again. */
export type ReadNumbers = (bytes: Uint8Array) => Numbers;

type Words = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

const INTEGERS: Readonly<Record<string, new (buffer: ArrayBufferLike, at: number, length: number) => Words>> =
  {
    uint8: Uint8Array,
    bool: Uint8Array,
    quint8: Uint8Array,
    int8: Int8Array,
    qint8: Int8Array,
    int16: Int16Array,
    uint16: Uint16Array,
    int32: Int32Array,
    qint32: Int32Array,
    uint32: Uint32Array,
  };

/** What a complex number has two of. */
const HALVES: Readonly<Record<string, string>> = {
  complex32: 'float16',
  bcomplex32: 'bfloat16',
  complex64: 'float32',
  complex128: 'float64',
};

/** How the elements of a dtype are read as numbers, a complex one as two; undefined where several are packed into a byte, or they are bits. */
export function numbersOf(dtype: Dtype): ReadNumbers | undefined {
  const name = HALVES[dtype.name] ?? dtype.name;
  if (name === 'float32') return (bytes) => view(bytes, 4, Float32Array);
  if (name === 'float64') return (bytes) => view(bytes, 8, Float64Array);
  if (name === 'int64' || name === 'uint64')
    return (bytes) => Float64Array.from(longIntegers(bytes, name), Number);
  const Integers = INTEGERS[name];
  if (Integers) return (bytes) => Float64Array.from(view<Words>(bytes, dtype.itemSize, Integers));
  const widened = wideningTable(name);
  return widened && byTable(widened);
}

/** 64-bit integers as they are. */
export function longIntegers(bytes: Uint8Array, name: 'int64' | 'uint64'): LongIntegers {
  return name === 'int64' ? view(bytes, 8, BigInt64Array) : view(bytes, 8, BigUint64Array);
}

/** Each of the 256 or 65 536 patterns is looked up. */
function byTable(widened: Uint32Array): ReadNumbers {
  const table = new Float32Array(widened.buffer, widened.byteOffset, widened.length);
  const size = widened.length === 256 ? 1 : 2;
  let numbers = new Float32Array();
  return (bytes) => {
    const patterns: Words = size === 1 ? bytes : view(bytes, 2, Uint16Array);
    if (numbers.length < patterns.length) numbers = new Float32Array(patterns.length);
    for (let i = 0; i < patterns.length; i++) numbers[i] = table[patterns[i] as number] as number;
    return numbers.subarray(0, patterns.length);
  };
}

/** Copied where they don't stand where such numbers can be read. */
function view<T>(
  bytes: Uint8Array,
  size: number,
  make: new (buffer: ArrayBufferLike, at: number, length: number) => T,
): T {
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return new make(aligned.buffer, aligned.byteOffset, aligned.length / size);
}
