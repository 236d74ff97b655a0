import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinCounter, crowdedRange } from '../../src/numeric/bins.ts';

describe('crowdedRange', () => {
  it('is the bin in which nearly all stand, or the two side by side', () => {
    expect(crowdedRange({ min: 0, max: 8 }, [990, 0, 0, 0, 0, 0, 0, 10], 0)).toEqual({ min: 0, max: 1 });
    expect(crowdedRange({ min: -4, max: 4 }, [1, 0, 0, 500, 498, 0, 0, 1], 0)).toEqual({ min: -1, max: 1 });
    expect(crowdedRange({ min: 0, max: 4 }, [1, 0, 0, 99], 0)).toEqual({ min: 3, max: 4 });
  });

  it('is nothing where numbers spread, or are one', () => {
    expect(crowdedRange({ min: 0, max: 4 }, [10, 30, 30, 10], 0)).toBeUndefined();
    expect(crowdedRange({ min: 2, max: 2 }, [0, 5, 0], 0)).toBeUndefined();
    expect(crowdedRange({ min: 1, max: 1 + 4 * Number.EPSILON }, [100, 0, 0, 0], 0)).toBeUndefined();
  });

  it('takes no crowd of zeros for one: the other weights of a pruned layer spread around them', () => {
    expect(crowdedRange({ min: -4, max: 4 }, [20, 30, 30, 30, 18_030, 30, 30, 20], 18_000)).toBeUndefined();
    expect(crowdedRange({ min: 0, max: 4 }, [500, 0, 0, 0], 500)).toBeUndefined();
  });

  it('leaves out no more than a few zeros: a mask has two values', () => {
    expect(crowdedRange({ min: 0, max: 1 }, [1, 0, 0, 2], 1)).toBeUndefined();
    expect(crowdedRange({ min: 0, max: 8 }, [900, 0, 0, 0, 99, 0, 0, 1], 900)).toBeUndefined();
    expect(crowdedRange({ min: 0, max: 4 }, [1, 0, 0, 99], 1)).toEqual({ min: 3, max: 4 });
    expect(crowdedRange({ min: -1, max: 99 }, [990, 0, 0, 0, 1], 80)).toEqual({ min: -1, max: 19 });
  });

  it('lies within the range, and holds nearly all that was counted', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e30, max: 1e30 }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: 2, max: 48 }), (all, bins) => {
        const [min, max] = [Math.min(...all), Math.max(...all)];
        const counter = new BinCounter({ min, max, bins });
        counter.addAll(all);
        const range = crowdedRange({ min, max }, counter.counts, 0);
        if (!range) return;
        expect(range.min).toBeGreaterThanOrEqual(min);
        expect(range.max).toBeLessThanOrEqual(max * (max > 0 ? 1 + 1e-12 : 1 - 1e-12));
        const slack = 1e-9 * (max - min);
        const inside = all.filter((value) => value >= range.min - slack && value <= range.max + slack);
        expect(inside.length).toBeGreaterThanOrEqual(0.98 * all.length - 1e-9);
      }),
    );
  });
});
