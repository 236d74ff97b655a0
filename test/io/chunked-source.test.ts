import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { type ArrayChunk, ChunkedSource } from '../../src/io/chunked-source.ts';

/** The block of a dense array, element by element. */
function cut(
  bytes: Uint8Array,
  shape: number[],
  itemSize: number,
  offsets: number[],
  sizes: number[],
): Uint8Array {
  const out: number[] = [];
  const visit = (dim: number, at: number): void => {
    if (dim === shape.length) {
      for (let byte = 0; byte < itemSize; byte++) out.push(bytes[at * itemSize + byte] as number);
      return;
    }
    for (let i = 0; i < (sizes[dim] as number); i++)
      visit(dim + 1, at * (shape[dim] as number) + (offsets[dim] as number) + i);
  };
  visit(0, 0);
  return Uint8Array.from(out);
}

/** Every block of a grid that cuts each dimension at some places. */
function grid(shape: number[], cuts: number[][]): { offsets: number[]; sizes: number[] }[] {
  let blocks: { offsets: number[]; sizes: number[] }[] = [{ offsets: [], sizes: [] }];
  for (const [dim, size] of shape.entries()) {
    const edges = [...new Set([0, ...(cuts[dim] ?? []).map((at) => at % (size + 1)), size])].sort(
      (a, b) => a - b,
    );
    blocks = blocks.flatMap(({ offsets, sizes }) =>
      edges.slice(0, -1).map((edge, index) => ({
        offsets: [...offsets, edge],
        sizes: [...sizes, (edges[index + 1] as number) - edge],
      })),
    );
  }
  return blocks;
}

const place = (bytes: Uint8Array, lead: number) => {
  const source = new MemorySource(Buffer.concat([Buffer.alloc(lead, 0xee), bytes, Buffer.alloc(3, 0xee)]));
  return async () => ({ source, offset: lead, length: bytes.byteLength });
};

const arrays = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }),
  itemSize: fc.constantFrom(1, 2, 4, 8),
  cuts: fc.array(fc.array(fc.nat(6), { maxLength: 3 }), { maxLength: 4 }),
  from: fc.nat(10_000),
  to: fc.nat(10_000),
});

describe('an array in chunks', () => {
  it('reads as the array, from any byte to any byte, whatever the cut', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, async ({ shape, itemSize, cuts, from, to }) => {
        const size = shape.reduce((product, each) => product * each, itemSize);
        const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7 + 1) % 251);
        const chunks: ArrayChunk[] = grid(shape, cuts).map(({ offsets, sizes }, index) => ({
          offsets,
          sizes,
          locate: place(cut(bytes, shape, itemSize, offsets, sizes), index % 5),
        }));
        const source = new ChunkedSource(shape, itemSize, chunks.reverse());
        expect(source.size).toBe(size);
        const [low, high] = [from % (size + 1), to % (size + 1)].sort((a, b) => a - b) as [number, number];
        expect(await source.read(low, high - low)).toEqual(bytes.slice(low, high));
      }),
    );
  });

  it('asks only for the chunks that it needs', async () => {
    const asked: number[] = [];
    const chunk = (row: number): ArrayChunk => ({
      offsets: [row, 0],
      sizes: [1, 4],
      locate: () => {
        asked.push(row);
        return place(Uint8Array.of(row, row, row, row), 0)();
      },
    });
    const source = new ChunkedSource([3, 4], 1, [chunk(0), chunk(1), chunk(2)]);
    expect(await source.read(5, 2)).toEqual(Uint8Array.of(1, 1));
    expect(asked).toEqual([1]);
  });

  it('has no bytes where no chunk stands, and shows nothing of the buffer', async () => {
    const source = new ChunkedSource([2, 2], 1, [
      { offsets: [0, 0], sizes: [2, 1], locate: place(Uint8Array.of(1, 2), 0) },
    ]);
    const into = new Uint8Array(4).fill(9);
    await expect(source.readInto(0, into)).rejects.toMatchObject({ code: 'short-record' });
    expect(into).toEqual(Uint8Array.of(1, 0, 2, 0));
  });

  it('refuses reads past its end, and a chunk that is shorter than it says', async () => {
    const source = new ChunkedSource([4], 1, [
      { offsets: [0], sizes: [4], locate: place(Uint8Array.of(1, 2), 0) },
    ]);
    await expect(source.read(2, 3)).rejects.toMatchObject({ code: 'truncated' });
    await expect(source.read(0, 4)).rejects.toMatchObject({ code: 'truncated' });
  });

  it('takes no chunk that passes its bounds', () => {
    const locate = place(Uint8Array.of(1), 0);
    expect(() => new ChunkedSource([2], 1, [{ offsets: [2], sizes: [1], locate }])).toThrow(RangeError);
    expect(() => new ChunkedSource([2], 1, [{ offsets: [0, 0], sizes: [1, 1], locate }])).toThrow(RangeError);
  });
});
