import { readTensor } from '../checkpoint/read-tensor.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { denseContent } from '../fix/dense.ts';
import { isRange, type Segment, streamSegment } from '../io/segment.ts';

/** Bytes that are read at a time where a segment can only be read in order. */
const CHUNK = 1 << 18;

/**
 * The elements of a tensor in C order and in this machine's byte order. Where they stand so in the file nothing is held in memory;
 * a tensor whose elements stand apart, or in the other byte order, is put together when it is read.
 *
 * @throws RefusedError for packed values that stand apart, and where the tensor has no bytes.
 */
export function denseBytes(tensor: Tensor): Segment {
  if (tensor.storage?.byteOrder !== 'big' || tensor.dtype.swapSize === 1) return denseContent(tensor);
  return {
    length: tensor.bytes,
    async *generate() {
      const array = await readTensor(tensor);
      yield new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    },
  };
}

/**
 * Reads a segment in pieces of a size that the caller chooses, the next of them while the caller works at one.
 * What `next` gave is good until it is called again.
 */
export class WindowReader {
  readonly #pieces: AsyncGenerator<Uint8Array, void, void>;
  #coming: Promise<IteratorResult<Uint8Array, void>>;

  /** @param size Bytes of each piece; the last one may be shorter. */
  constructor(segment: Segment, size: number) {
    this.#pieces = isRange(segment) && segment.source.readInto ? filled(segment, size) : recut(segment, size);
    this.#coming = this.#ask();
  }

  /** The next piece; undefined after the last. */
  async next(): Promise<Uint8Array | undefined> {
    const { value } = await this.#coming;
    this.#coming = this.#ask();
    return value ?? undefined;
  }

  /** For a reader that is left before its end. */
  async close(): Promise<void> {
    await this.#coming.catch(() => {});
    await this.#pieces.return();
  }

  #ask(): Promise<IteratorResult<Uint8Array, void>> {
    const coming = this.#pieces.next();
    // an error is told to whoever asks for the piece, and to nobody where no one does
    coming.catch(() => {});
    return coming;
  }
}

/** Two buffers by turns: one is worked at while the other is filled. */
async function* filled(
  { source, offset, length }: Extract<Segment, { source: unknown }>,
  size: number,
): AsyncGenerator<Uint8Array, void, void> {
  const room = Math.min(size, length);
  const buffers = [new Uint8Array(room), new Uint8Array(length > size ? room : 0)];
  for (let at = 0, turn = 0; at < length; at += size, turn ^= 1) {
    const piece = (buffers[turn] as Uint8Array).subarray(0, Math.min(size, length - at));
    await source.readInto?.(offset + at, piece);
    yield piece;
  }
}

async function* recut(segment: Segment, size: number): AsyncGenerator<Uint8Array, void, void> {
  const room = Math.min(size, segment.length);
  const buffers = [new Uint8Array(room), new Uint8Array(segment.length > size ? room : 0)];
  let turn = 0;
  let held = 0;
  for await (const chunk of streamSegment(segment, CHUNK)) {
    for (let at = 0; at < chunk.length; ) {
      const buffer = buffers[turn] as Uint8Array;
      const taken = Math.min(size - held, chunk.length - at);
      buffer.set(chunk.subarray(at, at + taken), held);
      held += taken;
      at += taken;
      if (held < size) continue;
      yield buffer;
      turn ^= 1;
      held = 0;
    }
  }
  if (held > 0) yield (buffers[turn] as Uint8Array).subarray(0, held);
}
