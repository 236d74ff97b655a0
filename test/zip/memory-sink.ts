import type { ByteSink } from '../../src/io/byte-sink.ts';

/** Collects an output in memory; notes how often it was written to. */
export class MemorySink implements ByteSink {
  readonly bytes: Buffer;
  writes = 0;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size, 0xee);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset + bytes.length > this.bytes.length) throw new RangeError('written past the end');
    this.writes++;
    this.bytes.set(bytes, offset);
  }
}
