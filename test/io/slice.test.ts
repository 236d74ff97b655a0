import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { joinSegments, readSegment, type Segment } from '../../src/io/segment.ts';
import { pickRuns, sliceSegment } from '../../src/io/slice.ts';

const bytes = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 31) ^ (index >> 8));
const source = new MemorySource(bytes);
const deflated = deflateRawSync(bytes);
const half = bytes.length / 2;

const segments: [string, Segment][] = [
  ['bytes', bytes],
  ['a range', { source, offset: 0, length: bytes.length }],
  [
    'deflated data',
    {
      deflated: { source: new MemorySource(deflated), offset: 0, length: deflated.length },
      length: bytes.length,
    },
  ],
  [
    'parts',
    joinSegments([
      { source, offset: 0, length: half },
      new Uint8Array(),
      { source, offset: half, length: half },
    ]),
  ],
  [
    'converted pairs',
    {
      from: Buffer.from(bytes).swap16(),
      unitBefore: 2,
      unitAfter: 2,
      length: bytes.length,
      convert: (before, after) => {
        after.set(before);
        Buffer.from(after.buffer, after.byteOffset, after.length).swap16();
      },
    },
  ],
];

async function same(segment: Segment, expected: Uint8Array): Promise<boolean> {
  expect(segment.length).toBe(expected.length);
  return Buffer.from(expected).equals(await readSegment(segment, expected.length));
}

describe.each(segments)('a slice of %s', (_, segment) => {
  it.each([
    [0, bytes.length],
    [0, 10],
    [7, 0],
    [13, 2_500_001],
    [half - 1, 2],
    [bytes.length - 3, 3],
  ])('from %i, %i bytes', async (offset, length) => {
    expect(await same(sliceSegment(segment, offset, length), bytes.subarray(offset, offset + length))).toBe(
      true,
    );
  });

  it('is refused beyond the end', () => {
    expect(() => sliceSegment(segment, bytes.length - 3, 4)).toThrow('passes the end');
  });

  it('of runs gives them one after the other', async () => {
    const runs = fc
      .array(fc.tuple(fc.nat({ max: 200_000 }), fc.integer({ min: 1, max: 90_000 })), {
        minLength: 1,
        maxLength: 12,
      })
      .map((pairs) => {
        let at = 0;
        return pairs.map(([gap, run]) => {
          const start = at + gap;
          at = start + run;
          return [start, at] as const;
        });
      });
    await fc.assert(
      fc.asyncProperty(runs, async (stretches) => {
        const expected = Buffer.concat(stretches.map(([start, end]) => bytes.subarray(start, end)));
        expect(await same(pickRuns(segment, Float64Array.from(stretches.flat())), expected)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });
});
