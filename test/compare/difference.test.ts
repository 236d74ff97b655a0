import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DifferenceSums, type NumbersDifference } from '../../src/compare/difference.ts';

function difference(a: readonly number[], b: readonly number[]): NumbersDifference {
  const sums = new DifferenceSums();
  sums.add(Float64Array.from(a), Float64Array.from(b));
  return sums.result();
}

describe('DifferenceSums', () => {
  it('gives the largest and the mean difference and the cosine', () => {
    expect(difference([3, 4, 0], [3, 0, 4])).toEqual({
      elements: 3,
      differing: 2,
      notFinite: 0,
      maxAbs: 4,
      meanAbs: 8 / 3,
      cosine: 9 / 25,
    });
  });

  it('takes NaN for NaN and 0 for -0, and keeps what is not finite out of the sums', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    expect(difference([nan, inf, 0, 1], [nan, inf, -0, 1])).toMatchObject({ differing: 0, notFinite: 0 });
    expect(difference([nan, inf, -inf, 1], [1, -inf, -inf, 3])).toMatchObject({
      elements: 4,
      differing: 3,
      notFinite: 2,
      maxAbs: 2,
      meanAbs: 2,
    });
    expect(difference([nan], [1])).toEqual({
      elements: 1,
      differing: 1,
      notFinite: 1,
      maxAbs: 0,
      meanAbs: 0,
    });
  });

  it('has no cosine where one side is zero', () => {
    expect(difference([0, 0], [1, 2])).not.toHaveProperty('cosine');
  });

  it('does not depend on how the elements are cut into windows', () => {
    const numbers = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(numbers, numbers), { minLength: 1 }), fc.nat(), (pairs, at) => {
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
        const cut = at % pairs.length;
        const sums = new DifferenceSums();
        sums.add(Float64Array.from(a.slice(0, cut)), Float64Array.from(b.slice(0, cut)));
        sums.add(Float64Array.from(a.slice(cut)), Float64Array.from(b.slice(cut)));
        const [whole, inTwo] = [difference(a, b), sums.result()];
        expect(inTwo).toMatchObject({
          elements: whole.elements,
          differing: whole.differing,
          maxAbs: whole.maxAbs,
        });
        expect(inTwo.meanAbs).toBeCloseTo(whole.meanAbs, 6);
      }),
    );
  });

  it('tells long integers apart that are one number as doubles', () => {
    const sums = new DifferenceSums();
    sums.addIntegers(BigInt64Array.of(2n ** 53n, -5n), BigInt64Array.of(2n ** 53n + 1n, -5n));
    expect(sums.result()).toMatchObject({ elements: 2, differing: 1, maxAbs: 1, meanAbs: 0.5, cosine: 1 });
  });
});
