import type { Tensor } from '../checkpoint/tensor.ts';
import { RefusedError, UnreadableError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import type { PairKernel } from '../numeric/tfjs-pair-sums.ts';
import type { ValuesVerdict } from './comparison.ts';
import { denseBytes, WindowReader } from './dense-bytes.ts';
import { DifferenceSums } from './difference.ts';
import { longIntegers, numbersOf } from './numbers.ts';

/** Bytes of the wider of two tensors that are in memory at a time, twice for each; so few that they stay in the caches of the processor. */
const WINDOW = 2 ** 19;

/** Gets the bytes of both tensors that were read, as they are read. */
export type OnRead = (bytes: number) => void;

export interface CompareValuesOptions {
  readonly onRead?: OnRead;
  /** Sums pairs where both tensors are float32; the built-in sums do without it. */
  readonly pairKernel?: PairKernel | undefined;
}

/**
 * Compares the elements of two tensors of one shape, in windows. Bytes that are the same are not looked at as numbers.
 * @throws UnreadableError where bytes can't be had.
 */
export async function compareValues(
  a: Tensor,
  b: Tensor,
  options: CompareValuesOptions = {},
): Promise<ValuesVerdict> {
  const { onRead = () => {}, pairKernel } = options;
  if (a.elements === 0 && b.elements === 0) return { verdict: 'same' };
  if (a.parts.length > 0 || b.parts.length > 0) return compareParts(a, b, options);
  try {
    const contents = [denseBytes(a), denseBytes(b)] as const;
    if (a.dtype === b.dtype && (await haveSameBytes(...contents, onRead))) return { verdict: 'same' };
    return await compareNumbers(a, b, contents, onRead, pairKernel);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return { verdict: 'not-comparable', reason: error.message };
  }
}

/** Indices and values of a sparse tensor, elements and scales of a quantized one. */
async function compareParts(a: Tensor, b: Tensor, options: CompareValuesOptions): Promise<ValuesVerdict> {
  if (a.parts.length !== b.parts.length || a.kind !== b.kind)
    return { verdict: 'not-comparable', reason: 'they are put together of other parts' };
  const own: [Tensor, Tensor][] =
    a.storage && b.storage
      ? [
          [
            { ...a, parts: [] },
            { ...b, parts: [] },
          ],
        ]
      : [];
  const pairs = [...own, ...a.parts.map((part, index): [Tensor, Tensor] => [part, b.parts[index] as Tensor])];
  for (const [partA, partB] of pairs) {
    if (partA.shape.join() !== partB.shape.join()) return { verdict: 'different' };
    const verdict = await compareValues(partA, partB, options);
    // the numbers of one part say little of the tensor
    if (verdict.verdict !== 'same')
      return verdict.verdict === 'different' ? { verdict: 'different' } : verdict;
  }
  return { verdict: 'same' };
}

async function haveSameBytes(a: Segment, b: Segment, onRead: OnRead): Promise<boolean> {
  if (a.length !== b.length) return false;
  const readers = [new WindowReader(a, WINDOW), new WindowReader(b, WINDOW)] as const;
  try {
    for (;;) {
      const [left, right] = await both(readers);
      if (!left || !right) return true;
      if (Buffer.compare(left, right) !== 0) return false;
      onRead(left.length + right.length);
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

async function compareNumbers(
  a: Tensor,
  b: Tensor,
  contents: readonly [Segment, Segment],
  onRead: OnRead,
  pairKernel: PairKernel | undefined,
): Promise<ValuesVerdict> {
  const [readA, readB] = [numbersOf(a.dtype), numbersOf(b.dtype)];
  if (!readA || !readB) {
    return a.dtype === b.dtype
      ? { verdict: 'different' }
      : {
          verdict: 'not-comparable',
          reason: `${a.dtype.name} and ${b.dtype.name} are no numbers that compare`,
        };
  }
  if ((a.dtype.family === 'complex') !== (b.dtype.family === 'complex'))
    return {
      verdict: 'not-comparable',
      reason: `only one of ${a.dtype.name} and ${b.dtype.name} is complex`,
    };
  const { name } = a.dtype;
  const sums = new DifferenceSums();
  const kernel = name === 'float32' && b.dtype.name === 'float32' ? pairKernel : undefined;
  const elements = kernel?.length ?? Math.floor(WINDOW / Math.max(a.dtype.itemSize, b.dtype.itemSize));
  const readers = [
    new WindowReader(contents[0], elements * a.dtype.itemSize),
    new WindowReader(contents[1], elements * b.dtype.itemSize),
  ] as const;
  try {
    for (;;) {
      const [left, right] = await both(readers);
      if (!left || !right) break;
      if (name === b.dtype.name && (name === 'int64' || name === 'uint64'))
        sums.addIntegers(longIntegers(left, name), longIntegers(right, name));
      else if (kernel) sums.addFloats(readA(left) as Float32Array, readB(right) as Float32Array, kernel);
      else sums.add(readA(left), readB(right));
      onRead(left.length + right.length);
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
  const numbers = sums.result();
  // other bytes may be the same numbers: 0 and -0, another dtype
  return numbers.differing === 0 ? { verdict: 'same' } : { verdict: 'different', numbers };
}

/** @throws UnreadableError that says which side could not be read. */
async function both([a, b]: readonly [WindowReader, WindowReader]): Promise<
  [Uint8Array | undefined, Uint8Array | undefined]
> {
  const [left, right] = await Promise.all([ofSide('a', a.next()), ofSide('b', b.next())]);
  if ((left === undefined) !== (right === undefined))
    throw new UnreadableError('short-record', 'one of two tensors of the same size ends before the other');
  return [left, right];
}

async function ofSide<T>(side: 'a' | 'b', read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new UnreadableError(error.code, `in ${side}, ${error.message}`, error.offset, error.rule);
  }
}
