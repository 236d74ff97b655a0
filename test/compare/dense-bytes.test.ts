import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { denseBytes, WindowReader } from '../../src/compare/dense-bytes.ts';
import { type ByteSource, MemorySource } from '../../src/io/byte-source.ts';
import { readSegment, type Segment } from '../../src/io/segment.ts';
import { Forge } from '../support/forge.ts';

const BYTES = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);

/** As a file gives its bytes: into buffers of the caller. */
function fileLike(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.slice(offset, offset + length),
    readInto: async (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  };
}

async function windows(segment: Segment, size: number): Promise<number[][]> {
  const reader = new WindowReader(segment, size);
  const pieces: number[][] = [];
  for (let piece = await reader.next(); piece; piece = await reader.next()) pieces.push([...piece]);
  await reader.close();
  return pieces;
}

describe('WindowReader', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });

  it('gives the bytes of any segment in windows of the size that was asked for', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 70 }), async (cuts, size) => {
        const length = cuts.reduce((sum, cut) => sum + cut, 0);
        const generated: Segment = {
          length,
          async *generate() {
            let at = 0;
            for (const cut of cuts) {
              yield BYTES.subarray(at, at + cut);
              at += cut;
            }
          },
        };
        const expected: number[][] = [];
        for (let at = 0; at < length; at += size)
          expected.push([...BYTES.subarray(at, Math.min(at + size, length))]);
        expect(await windows(generated, size)).toEqual(expected);
        expect(await windows({ source: fileLike(BYTES), offset: 0, length }, size)).toEqual(expected);
        expect(await windows({ source: new MemorySource(BYTES), offset: 0, length }, size)).toEqual(expected);
      }),
    );
  });

  it('can be left before its end', async () => {
    const reader = new WindowReader({ source: fileLike(BYTES), offset: 0, length: 1000 }, 10);
    expect((await reader.next())?.[9]).toBe(9);
    await reader.close();
  });

  it('hands an error of the source on', async () => {
    const broken: ByteSource = {
      size: 100,
      read: () => Promise.reject(new Error('disk')),
      readInto: (offset) => (offset < 10 ? Promise.resolve() : Promise.reject(new Error('disk'))),
    };
    const reader = new WindowReader({ source: broken, offset: 0, length: 100 }, 10);
    await reader.next();
    await expect(reader.next()).rejects.toThrow('disk');
  });
});

describe('denseBytes', () => {
  it('gives C order and this byte order, whatever the file has', async () => {
    const forge = new Forge();
    const little = forge.storage(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
    const big = forge.storage(new Uint8Array(Float32Array.of(1, 4, 2, 5, 3, 6).buffer), 'float32', 'big');
    if (big.content && 'source' in big.content) {
      const bytes = Buffer.from(await big.content.source.read(0, 24)).swap32();
      Object.assign(big.content, { source: new MemorySource(bytes) });
    }
    const { tensors } = forge.checkpoint(
      forge.dict({
        turned: forge.view(little, { shape: [3, 2], stride: [1, 3] }),
        foreign: forge.view(big, { shape: [6] }),
      }),
    );
    for (const tensor of tensors) {
      const bytes = Uint8Array.from(await readSegment(denseBytes(tensor), 24));
      expect([...new Float32Array(bytes.buffer)]).toEqual([1, 4, 2, 5, 3, 6]);
    }
  });
});
