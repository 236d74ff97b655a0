import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32Of } from '../../src/zip/crc32.ts';

describe('crc32Of', () => {
  it('is what zlib says of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        expect(await crc32Of(bytes)).toBe(crc32(bytes));
      }),
    );
  });

  it('is the same on both sides of the size where zlib takes over', async () => {
    for (const size of [4 * 1024 - 1, 4 * 1024, 4 * 1024 + 1]) {
      const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31) & 0xff);
      expect(await crc32Of(bytes)).toBe(crc32(bytes));
      expect(await crc32Of(bytes, 0xdeadbeef)).toBe(crc32(bytes, 0xdeadbeef));
    }
  });
});
