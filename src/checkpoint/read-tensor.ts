import { RefusedError, UnreadableError } from '../io/errors.ts';
import { isRange, type Segment, streamSegment } from '../io/segment.ts';
import type { Tensor } from './tensor.ts';
import { isContiguous } from './view-coverage.ts';

/**
 * The elements of a tensor. float16, bfloat16 and complex32 come as raw 16-bit patterns, complex numbers as real and imaginary
 * part by turns, bool and the 8-bit floats as bytes, quantized numbers as their integers.
 */
export type TensorArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

export interface ReadTensorOptions {
  /**
   * Most bytes that the result may take. An expanded view claims any size at no cost to the file, so a limit stands by default:
   * 4 GiB, what a typed array of Node 20 can hold.
   */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 2 ** 32;
/** Bytes of a deflated record that are in memory at a time. */
const CHUNK = 1 << 18;

type ArrayMaker = new (buffer: ArrayBuffer) => TensorArray;

const ARRAYS: Readonly<Record<string, ArrayMaker>> = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  complex128: Float64Array,
  complex64: Float32Array,
  complex32: Uint16Array,
  bcomplex32: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  qint32: Int32Array,
  qint8: Int8Array,
  bits16: Uint16Array,
};

/**
 * Reads the elements of a tensor in C order, in this machine's byte order, whatever its strides are in the file. Only the range
 * that the tensor views is read (of a deflated record: the whole record).
 *
 * @throws RefusedError where there are no bytes to read (meta, sparse and nested tensors), or more than `maxBytes`.
 * @throws UnreadableError `short-record` where the tensor passes the end of its storage, `missing-record` where the storage has none.
 */
export async function readTensor(tensor: Tensor, options: ReadTensorOptions = {}): Promise<TensorArray> {
  const { dtype, storage } = tensor;
  if (!storage) {
    throw new RefusedError(
      tensor.array
        ? `tensor ${tensor.name} is a numpy array of the pickle: fix --safe gives it a storage to read`
        : `tensor ${tensor.name} is ${tensor.kind}: it has no storage of its own to read`,
    );
  }
  const packed = dtype.valuesPerByte ?? 1;
  if (packed > 1 && !(isContiguous(tensor) && tensor.storageOffset % packed === 0)) {
    throw new RefusedError(
      `tensor ${tensor.name}: ${dtype.name} packs ${packed} values into a byte, and only contiguous ones can be read`,
    );
  }
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  if (tensor.bytes > maxBytes) {
    throw new RefusedError(
      `tensor ${tensor.name} takes ${tensor.bytes} bytes, more than the limit of ${maxBytes}`,
    );
  }
  const [first, count] = extentOf(tensor);
  const offset = Math.floor((first * dtype.itemSize) / packed);
  const length = Math.ceil((count * dtype.itemSize) / packed);
  if (offset + length > storage.bytes) {
    throw new UnreadableError(
      'short-record',
      `tensor ${tensor.name} ends at byte ${offset + length} of storage ${storage.key}, which has ${storage.bytes}`,
    );
  }
  if (!storage.content) {
    throw new UnreadableError(
      'missing-record',
      `storage ${storage.key} of tensor ${tensor.name} has no record in the file`,
    );
  }
  const bytes = await copyRange(storage.content, offset, length);
  if (storage.byteOrder === 'big') swapBytes(bytes, dtype.swapSize);
  const dense = isContiguous(tensor) ? bytes.buffer : gather(tensor, bytes.buffer);
  const array = new (ARRAYS[dtype.name] ?? Uint8Array)(dense);
  if (tensor.conj) negate(array, 1, 2);
  if (tensor.neg) negate(array, 0, 1);
  return array;
}

/** First element of the storage that the tensor views, and how many from there to the last one. */
function extentOf(tensor: Tensor): [first: number, count: number] {
  if (tensor.elements === 0) return [0, 0];
  const reach = tensor.shape.reduce((sum, size, dim) => sum + (size - 1) * (tensor.stride[dim] ?? 0), 0);
  if (!(reach >= 0 && tensor.storageOffset >= 0 && Number.isSafeInteger(tensor.storageOffset + reach))) {
    throw new UnreadableError('bad-pickle', `tensor ${tensor.name} has an impossible stride or offset`);
  }
  return [tensor.storageOffset, reach + 1];
}

/** A fresh copy of a part of a segment: what a source returns may alias its memory, and may stand at an odd address. */
async function copyRange(segment: Segment, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const end = offset + length;
  if (end > segment.length) throw shortRecord(segment.length, end);
  if (isRange(segment)) return Uint8Array.from(await segment.source.read(segment.offset + offset, length));
  const copy = new Uint8Array(length);
  let at = 0;
  for await (const chunk of streamSegment(segment, CHUNK)) {
    const from = Math.max(0, offset - at);
    const to = Math.min(chunk.length, end - at);
    if (to > from) copy.set(chunk.subarray(from, to), at + from - offset);
    at += chunk.length;
  }
  return copy;
}

function shortRecord(has: number, needs: number): UnreadableError {
  return new UnreadableError(
    'short-record',
    `record has ${has} bytes, ${needs} expected; the file was cut short or edited`,
  );
}

function swapBytes(bytes: Uint8Array<ArrayBuffer>, unit: number): void {
  const buffer = Buffer.from(bytes.buffer);
  if (unit === 2) buffer.swap16();
  else if (unit === 4) buffer.swap32();
  else if (unit === 8) buffer.swap64();
}

/** Copies a strided view into C order, in words as wide as the element allows. */
function gather(tensor: Tensor, bytes: ArrayBuffer): ArrayBuffer {
  const { itemSize } = tensor.dtype;
  const width = Math.min(itemSize, 4);
  const Words = width === 4 ? Uint32Array : width === 2 ? Uint16Array : Uint8Array;
  const words = itemSize / width;
  const from = new Words(bytes);
  const into = new Words(tensor.elements * words);
  const { shape, stride } = tensor;
  const inner = shape.length - 1;
  const innerSize = shape[inner] ?? 1;
  const innerStep = (stride[inner] ?? 0) * words;
  const index = new Array<number>(Math.max(0, inner)).fill(0);
  let base = 0;
  for (let at = 0; at < into.length; ) {
    for (let i = 0, source = base; i < innerSize; i++, source += innerStep) {
      for (let word = 0; word < words; word++) into[at++] = from[source + word] as number;
    }
    for (let dim = inner - 1; dim >= 0; dim--) {
      const step = (stride[dim] as number) * words;
      const next = (index[dim] as number) + 1;
      if (next < (shape[dim] as number)) {
        index[dim] = next;
        base += step;
        break;
      }
      base -= (next - 1) * step;
      index[dim] = 0;
    }
  }
  return into.buffer;
}

/** Resolves torch's lazy bits: every `step`-th number from `first` changes its sign. */
function negate(array: TensorArray, first: number, step: number): void {
  for (let i = first; i < array.length; i += step) {
    // a 16-bit float is a pattern here, and its highest bit is the sign
    if (array instanceof Uint16Array) array[i] = (array[i] as number) ^ 0x8000;
    else if (array instanceof BigInt64Array || array instanceof BigUint64Array)
      array[i] = -(array[i] as bigint);
    else array[i] = -(array[i] as number);
  }
}
