import type { ByteSource } from '../io/byte-source.ts';
import { crc32Of } from '../zip/crc32.ts';

/** Keeps what was read, where that was all of the source, until its checksum is asked for. */
export class WholeReads implements ByteSource {
  readonly size: number;
  readonly storedSize: number;
  readonly #source: ByteSource;
  #whole: Uint8Array | undefined;

  constructor(source: ByteSource) {
    this.size = source.size;
    this.storedSize = source.storedSize ?? source.size;
    this.#source = source;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#source.read(offset, length);
    if (length === this.size) this.#whole = bytes;
    return bytes;
  }

  /** Undefined where the source was read in pieces. */
  async checksum(): Promise<number | undefined> {
    const whole = this.#whole;
    this.#whole = undefined;
    return whole && crc32Of(whole);
  }
}
