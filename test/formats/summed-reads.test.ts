import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SummedReads } from '../../src/formats/summed-reads.ts';
import { type ByteSource, MemorySource } from '../../src/io/byte-source.ts';

const BYTES = Uint8Array.from({ length: 1000 }, (_, index) => (index * 37) & 0xff);

/** A source that fills what it is given, as files do. */
class Filling extends MemorySource {
  async readInto(offset: number, into: Uint8Array): Promise<void> {
    into.set(await this.read(offset, into.byteLength));
  }
}

it('has the checksum of a source, whatever was read of it and in which order', async () => {
  const place = fc.tuple(fc.nat(999), fc.nat(1000), fc.boolean());
  await fc.assert(
    fc.asyncProperty(fc.array(place, { maxLength: 12 }), fc.boolean(), async (reads, fills) => {
      const source: ByteSource = fills ? new Filling(BYTES) : new MemorySource(BYTES);
      const summed = new SummedReads(source);
      expect(summed.readInto !== undefined).toBe(fills);
      for (const [offset, wanted, into] of reads) {
        const length = Math.min(wanted, BYTES.length - offset);
        let bytes = new Uint8Array(length);
        if (into && summed.readInto) await summed.readInto(offset, bytes);
        else bytes = new Uint8Array(await summed.read(offset, length));
        expect(bytes).toEqual(BYTES.slice(offset, offset + length));
      }
      expect(await summed.checksum()).toBe(crc32(BYTES));
    }),
  );
});

it('reads no more than 64 MiB for the sum alone', async () => {
  const size = 65 * 2 ** 20;
  const reads: number[] = [];
  const source: ByteSource = {
    size,
    async read(_offset, length) {
      reads.push(length);
      return new Uint8Array(length);
    },
  };
  const summed = new SummedReads(source);
  expect(await summed.checksum()).toBeUndefined();
  expect(reads).toEqual([]);
  await summed.read(0, 2 ** 20);
  expect(await summed.checksum()).toBe(crc32(new Uint8Array(size)));
  expect(reads).toEqual([2 ** 20, 64 * 2 ** 20]);
});
