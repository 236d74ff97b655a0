import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addSpread, packCounts, unpackCounts } from '../../src/report/packed-histogram.ts';

describe('packCounts', () => {
  it('gives small counts back as they are, and large ones within half a percent', () => {
    const small = Array.from({ length: 100 }, (_, count) => count);
    expect(unpackCounts(packCounts(small))).toEqual(small);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9e12 })), (counts) => {
        const packed = packCounts(counts);
        expect(packed).toMatch(/^[A-Za-z0-9_-]*$/);
        expect(packed).toHaveLength(2 * counts.length);
        for (const [bin, count] of unpackCounts(packed).entries())
          expect(Math.abs(count - (counts[bin] as number))).toBeLessThanOrEqual(
            0.005 * (counts[bin] as number),
          );
      }),
    );
  });
});

describe('addSpread', () => {
  const spread = (
    range: { min: number; max: number },
    bins: number,
    histogram: Parameters<typeof addSpread>[2],
  ) => {
    const counts = new Float64Array(bins);
    addSpread(counts, range, histogram);
    return Array.from(counts);
  };

  it('spreads each bin evenly over what it covers', () => {
    expect(spread({ min: 0, max: 4 }, 4, { min: 0, max: 4, counts: [8, 4] })).toEqual([4, 4, 2, 2]);
    expect(spread({ min: 0, max: 4 }, 2, { min: 1, max: 3, counts: [3, 5] })).toEqual([3, 5]);
    expect(spread({ min: 0, max: 4 }, 4, { min: 3, max: 5, counts: [10] })).toEqual([0, 0, 0, 5]);
  });

  it('puts what is all the same into one bin, be it the last', () => {
    expect(spread({ min: 0, max: 4 }, 4, { min: 1, max: 1, counts: [7] })).toEqual([0, 7, 0, 0]);
    expect(spread({ min: 0, max: 4 }, 4, { min: 4, max: 4, counts: [7] })).toEqual([0, 0, 0, 7]);
    expect(spread({ min: 0, max: 4 }, 4, { min: 9, max: 9, counts: [7] })).toEqual([0, 0, 0, 0]);
  });

  it('loses nothing of what lies within', () => {
    const numbers = fc.tuple(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: 1e-3, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(
        numbers,
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }),
        ([min, width], counts) => {
          const sum = spread({ min: -1, max: 2 }, 17, { min, max: min + width, counts }).reduce(
            (a, b) => a + b,
          );
          expect(sum).toBeCloseTo(
            counts.reduce((a, b) => a + b),
            6,
          );
        },
      ),
    );
  });
});
