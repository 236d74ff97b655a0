import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate } from '../../src/vector/machine.ts';
import { crc32 } from '../../src/zip/checksum.ts';

/** Bytes without a pattern, and without a buffer of their own. */
function noise(length: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(start + length);
  for (let i = 0, x = length + 1; i < bytes.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes.subarray(start);
}

describe('crc32', () => {
  it.each([
    0,
    1,
    16_383,
    16_384,
    16_385,
    16_447,
    65_535,
    65_536,
    65_537,
    131_071,
    131_072,
    131_073,
    196_607,
    196_608,
    1_000_003,
    4 * 2 ** 20,
  ])('is what zlib has of %i bytes', (length) => {
    for (const seed of [0, 1, 0x80000000, 0xffffffff])
      expect(crc32(noise(length), seed)).toBe(zlibCrc32(noise(length), seed));
  });

  it('holds whatever the length, the place and the bytes before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10_000, max: 400_000 }),
        fc.integer({ min: 0, max: 70 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        (length, start, seed) => {
          const bytes = noise(length, start);
          expect(crc32(bytes, seed)).toBe(zlibCrc32(bytes, seed));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is the same for bytes in memory that is looked at where it stands', () => {
    const memory = allocate(500_000);
    for (const [at, length] of [
      [0, 500_000],
      [7, 16_384],
      [100, 131_072],
      [64, 65_536 + 4800],
    ] as const) {
      const bytes = memory.subarray(at, at + length);
      bytes.set(noise(length));
      for (const seed of [0, 0x12345678]) expect(crc32(bytes, seed)).toBe(zlibCrc32(noise(length), seed));
    }
  });

  it('sees any bit that changes, wherever it stands', () => {
    const bytes = noise(200_000);
    const before = crc32(bytes);
    for (const at of [0, 3, 4, 4799, 4800, 65_535, 65_536, 131_072, 195_199, 199_999]) {
      bytes[at] = (bytes[at] as number) ^ 0x10;
      expect(crc32(bytes)).not.toBe(before);
      expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      bytes[at] = (bytes[at] as number) ^ 0x10;
    }
  });

  it('leaves the bytes as they are, and is the same again', () => {
    const bytes = noise(300_000);
    const copy = Uint8Array.from(bytes);
    expect(crc32(bytes)).toBe(crc32(bytes));
    expect(Buffer.from(copy).equals(bytes)).toBe(true);
  });
});
