import { UnreadableError } from './errors.ts';

/** Bytes at random access: a file, a buffer, a part of either, a remote file. Offsets and lengths are in bytes. */
export interface ByteSource {
  readonly size: number;
  /** Bytes that the content takes where it comes from, where those are fewer than `size`: it was inflated. */
  readonly storedSize?: number;
  /**
   * Exactly `length` bytes from `offset`. The result may alias memory of the source: callers must not write to it.
   * @throws UnreadableError `truncated` when the range passes the end, `io` or `changed` when the bytes can't be had.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Fills `into` from `offset`; for the copy loop, which owns its buffers. Same errors as `read`. */
  readInto?(offset: number, into: Uint8Array): Promise<void>;
  /**
   * Lends the descriptor of the file behind the source, for reads in other threads; it stays open until `use` is done. Byte 0 of the
   * source is byte `start` of the file. There only where a file is behind it.
   */
  withDescriptor?<T>(use: (descriptor: number, start: number) => Promise<T>): Promise<T>;
  close?(): Promise<void>;
}

/** A run of bytes in a source that is never loaded as a whole. */
export interface SourceRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** Throws `truncated` unless `[offset, offset + length)` lies in a source of `size` bytes. */
export function checkRange(size: number, offset: number, length: number, noun = 'range'): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
    throw new UnreadableError(
      'truncated',
      `${noun} of ${length} bytes at offset ${offset} passes the end of the file at ${size}`,
      offset,
    );
  }
}

/** A source over bytes in memory. */
export class MemorySource implements ByteSource {
  readonly size: number;
  readonly storedSize: number;
  readonly #bytes: Uint8Array;

  /** @param storedSize Where the bytes were inflated, from how many. */
  constructor(bytes: Uint8Array, storedSize = bytes.byteLength) {
    this.#bytes = bytes;
    this.size = bytes.byteLength;
    this.storedSize = storedSize;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    return this.#bytes.subarray(offset, offset + length);
  }
}

/** The part `[start, start + size)` of another source, addressed from 0. */
export class SubSource implements ByteSource {
  readonly size: number;
  readonly readInto?: NonNullable<ByteSource['readInto']>;
  readonly withDescriptor?: NonNullable<ByteSource['withDescriptor']>;
  readonly #parent: ByteSource;
  readonly #start: number;

  constructor(parent: ByteSource, start: number, size: number) {
    checkRange(parent.size, start, size);
    this.#parent = parent;
    this.#start = start;
    this.size = size;
    const fill = parent.readInto?.bind(parent);
    if (fill)
      this.readInto = async (offset, into) => {
        checkRange(size, offset, into.byteLength);
        await fill(start + offset, into);
      };
    const lend = parent.withDescriptor?.bind(parent);
    if (lend) this.withDescriptor = (use) => lend((descriptor, at) => use(descriptor, at + start));
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    return this.#parent.read(this.#start + offset, length);
  }
}
