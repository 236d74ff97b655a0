import { RefusedError } from '../io/errors.ts';
import type { Dtype } from '../torch/dtypes.ts';
import { wideningTable } from '../torch/small-floats.ts';
import { type ReadTensorOptions, readTensor, type TensorArray } from './read-tensor.ts';
import type { Tensor } from './tensor.ts';

/** A tensor for programs: what it looks like at once, its elements when they are asked for. Nothing is kept between two calls. */
export class TensorHandle {
  /** As the checkpoint lists it. */
  readonly entry: Tensor;

  constructor(entry: Tensor) {
    this.entry = entry;
  }

  get name(): string {
    return this.entry.name;
  }

  get dtype(): Dtype {
    return this.entry.dtype;
  }

  get shape(): readonly number[] {
    return this.entry.shape;
  }

  /** In elements, as in the file; what `array` and `float32` give is contiguous. */
  get stride(): readonly number[] {
    return this.entry.stride;
  }

  get elements(): number {
    return this.entry.elements;
  }

  /**
   * The range from `start` up to `end` of the first dimension, as `tensor[start:end]` of torch: a view, of which nothing is read yet.
   *
   * @param end Without it the range goes to the last.
   * @throws RefusedError where the tensor has no dimension, the range does not lie within it, or there is no storage to view.
   */
  slice(start: number, end = this.entry.shape[0] ?? 0): TensorHandle {
    const { entry } = this;
    const { name, shape, stride, storage, elements, bytes, storageOffset } = entry;
    const [length, ...others] = shape;
    if (length === undefined || !storage)
      throw new RefusedError(`tensor ${name} has no ${storage ? 'dimension' : 'storage'} to take a range of`);
    if (![start, end].every(Number.isInteger) || start < 0 || start > end || end > length)
      throw new RefusedError(
        `tensor ${name} has 0 to ${length} in its first dimension, not ${start} to ${end}`,
      );
    const part = (whole: number) => (length === 0 ? 0 : (whole / length) * (end - start));
    return new TensorHandle({
      ...entry,
      shape: [end - start, ...others],
      storageOffset: storageOffset + start * (stride[0] ?? 0),
      elements: part(elements),
      bytes: part(bytes),
    });
  }

  /**
   * The elements in C order as the typed array of the dtype: int64 as BigInt64Array, 16-bit floats as their patterns in a
   * Uint16Array (`float32` widens them), complex numbers as real and imaginary part by turns. Only the range of the file that the
   * tensor views is read.
   *
   * @throws RefusedError for meta, sparse and nested tensors, and for more bytes than `maxBytes`.
   * @throws UnreadableError where the storage is missing or short.
   */
  array(options?: ReadTensorOptions): Promise<TensorArray> {
    return readTensor(this.entry, options);
  }

  /**
   * The elements in C order as float32, rounded as `tensor.float()` of torch rounds them: exact for the floats of 8 and 16 bits and
   * for integers up to 2^24.
   *
   * @throws RefusedError as `array` does, and for complex and quantized numbers, which are no float32.
   */
  async float32(options?: ReadTensorOptions): Promise<Float32Array> {
    const { name, dtype } = this.entry;
    const table = wideningTable(dtype.name);
    if (!table && !WIDENED.has(dtype.family)) throw noFloat(name, dtype);
    if (!table && dtype.family === 'float' && dtype.itemSize < 4) throw noFloat(name, dtype);
    const array = await readTensor(this.entry, options);
    if (array instanceof Float32Array) return array;
    if (table) return widened(array as Uint16Array | Uint8Array, table);
    if (array instanceof BigInt64Array || array instanceof BigUint64Array)
      return Float32Array.from(array, nearestFloat);
    return Float32Array.from(array);
  }
}

/**
 * @param name With dots, as the listing spells it; where two tensors have it, the first.
 * @throws RefusedError where there is none; it names one that ends so, if any does.
 */
export function tensorNamed(tensors: readonly Tensor[], name: string): TensorHandle {
  const entry = tensors.find((tensor) => tensor.name === name);
  if (entry) return new TensorHandle(entry);
  const like = tensors.find((tensor) => tensor.name.endsWith(`.${name}`) || name.endsWith(`.${tensor.name}`));
  throw new RefusedError(
    `no tensor is called '${name}' among ${tensors.length}${like ? `; '${like.name}' is there` : ''}`,
  );
}

const WIDENED: ReadonlySet<Dtype['family']> = new Set(['float', 'integer', 'bool']);

function noFloat(name: string, dtype: Dtype): RefusedError {
  return new RefusedError(
    `tensor ${name} is ${dtype.name}, which is no float32; take its elements with array()`,
  );
}

function widened(patterns: Uint16Array | Uint8Array, table: Uint32Array): Float32Array {
  const bits = new Uint32Array(patterns.length);
  for (let i = 0; i < patterns.length; i++) bits[i] = table[patterns[i] as number] as number;
  return new Float32Array(bits.buffer);
}

/** Integers up to this are doubles, and are rounded once. */
const EXACT = 2n ** 53n;
/** What is dropped of larger ones, far below the last bit that a float32 keeps. */
const DROPPED = 12n;

/** Rounds once: a double on the way would round a second time. */
function nearestFloat(value: bigint): number {
  const size = value < 0n ? -value : value;
  if (size <= EXACT) return Number(value);
  const sticky = BigInt.asUintN(Number(DROPPED), size) === 0n ? 0n : 1n;
  const rounded = Math.fround(Number((size >> DROPPED) | sticky)) * Number(1n << DROPPED);
  return value < 0n ? -rounded : rounded;
}
