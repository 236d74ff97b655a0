import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { Latin1Source } from '../../src/pickle/latin1-source.ts';

function sourceOf(bytes: Uint8Array, before = 0): Latin1Source {
  const text = Buffer.from(Buffer.from(bytes).toString('latin1'), 'utf8');
  const source = new MemorySource(Buffer.concat([Buffer.alloc(before, 0x58), text]));
  return new Latin1Source({ source, offset: before, length: text.length });
}

describe('bytes that a pickle holds as text', () => {
  it('are read at any place, in any order', async () => {
    const reads = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), reads, async (bytes, places) => {
        const source = sourceOf(bytes, 3);
        for (const [from, count] of places) {
          const offset = from % bytes.length;
          const length = count % (bytes.length - offset + 1);
          expect(Buffer.from(await source.read(offset, length))).toEqual(
            Buffer.from(bytes.subarray(offset, offset + length)),
          );
        }
      }),
    );
  });

  it('are read across many chunks', async () => {
    const bytes = Buffer.alloc(600_001, 0xe9);
    bytes.fill(0x41, 100_000, 100_001);
    const source = sourceOf(bytes);
    expect(Buffer.from(await source.read(550_000, 50_001))).toEqual(bytes.subarray(550_000));
    expect(Buffer.from(await source.read(99_999, 3))).toEqual(bytes.subarray(99_999, 100_002));
    expect(Buffer.from(await source.read(0, bytes.length)).equals(bytes)).toBe(true);
  });

  it('end where the text ends', async () => {
    const source = sourceOf(Buffer.alloc(10, 0xff));
    await expect(source.read(8, 4)).rejects.toMatchObject({ code: 'truncated' });
  });

  it('are no characters beyond latin-1', async () => {
    const text = Buffer.from('ab\u0100c', 'utf8');
    const source = new Latin1Source({ source: new MemorySource(text), offset: 0, length: text.length });
    await expect(source.read(0, 3)).rejects.toMatchObject({ code: 'bad-pickle' });
  });
});
