import type { ByteSource } from './byte-source.ts';
import { checkRange } from './byte-source.ts';

/** Bytes fetched at a time. */
const WINDOW = 256 * 1024;

/** Goes through a source from front to back in small steps, with one read for many of them. Offsets are in bytes. */
export class SequentialReader {
  readonly source: ByteSource;
  /** Offset of the next byte. */
  position: number;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(source: ByteSource, position = 0) {
    this.source = source;
    this.position = position;
  }

  /** The next `length` bytes. @throws UnreadableError `truncated` where the source has fewer. */
  async take(length: number): Promise<Buffer> {
    checkRange(this.source.size, this.position, length);
    const bytes = (await this.ahead(length)).subarray(0, length);
    this.position += length;
    return bytes;
  }

  /** What is at hand from the position on: at least `length` bytes, or all that are left. */
  async ahead(length: number): Promise<Buffer> {
    const left = this.source.size - this.position;
    const held = this.#start + this.#window.length - this.position;
    if (this.position < this.#start || held < Math.min(length, left)) {
      const bytes = await this.source.read(this.position, Math.min(left, Math.max(length, WINDOW)));
      this.#window = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#start = this.position;
    }
    return this.#window.subarray(this.position - this.#start);
  }
}
