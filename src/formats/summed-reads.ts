import type { ByteSource } from '../io/byte-source.ts';
import { crc32Of } from '../zip/crc32.ts';

/** Bytes that are read for the sum alone, where the reader left them out: what stands behind a pickle, or payloads that stay in the file. */
const MOST_UNREAD = 64 * 2 ** 20;

/** Sums up what is read from its start on, so that the checksum of a source costs no second read. */
export class SummedReads implements ByteSource {
  readonly size: number;
  readonly storedSize: number;
  readonly readInto?: NonNullable<ByteSource['readInto']>;
  readonly #source: ByteSource;
  #sum = 0;
  /** Bytes that are summed up. */
  #end = 0;

  constructor(source: ByteSource) {
    this.size = source.size;
    this.storedSize = source.storedSize ?? source.size;
    this.#source = source;
    const fill = source.readInto?.bind(source);
    if (fill)
      this.readInto = async (offset, into) => {
        await fill(offset, into);
        await this.#add(offset, into);
      };
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#source.read(offset, length);
    await this.#add(offset, bytes);
    return bytes;
  }

  /** CRC-32 of the source; undefined where much of it was not read, or not in its order. */
  async checksum(): Promise<number | undefined> {
    const left = this.size - this.#end;
    if (left > MOST_UNREAD) return undefined;
    if (left > 0) await this.read(this.#end, left);
    return this.#sum;
  }

  async #add(offset: number, bytes: Uint8Array): Promise<void> {
    const end = offset + bytes.byteLength;
    if (offset > this.#end || end <= this.#end) return;
    this.#sum = await crc32Of(bytes.subarray(this.#end - offset), this.#sum);
    this.#end = end;
  }
}
