import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heightsOf, linearScale, logScale, signedLogScale } from '../../../src/report/html/scales.ts';

describe('scales', () => {
  it('have few ticks at round numbers', () => {
    expect(linearScale(-0.31, 0.29, 6).ticks).toEqual(
      [-0.3, -0.2, -0.1, 0, 0.1, 0.2].map((tick) => expect.closeTo(tick, 12)),
    );
    expect(logScale(0.002, 300, 4).ticks).toEqual([0.01, 1, 100]);
    expect(logScale(0.02, 0.06, 4).ticks).toEqual([0.02, 0.05]);
    expect(signedLogScale(-0.5, 80_000, 0.01, 9).ticks).toEqual([-0.01, 0, 0.01, 1, 100, 10_000]);
  });

  it('put their ends at 0 and 1, keep the order, and move what lies beyond to the ends', () => {
    const ends = fc
      .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 1e-3, max: 1e6, noNaN: true }))
      .map(([min, width]) => ({ min, max: min + width }));
    const inner = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2 });
    fc.assert(
      fc.property(ends, inner, ({ min, max }, shares) => {
        for (const scale of [linearScale(min, max, 6), signedLogScale(min, max, 0.1, 9)]) {
          expect(scale.at(min)).toBeCloseTo(0, 9);
          expect(scale.at(max)).toBeCloseTo(1, 9);
          expect([scale.at(min - 1), scale.at(max + 1)]).toEqual([0, 1]);
          const places = shares.sort((a, b) => a - b).map((share) => scale.at(min + share * (max - min)));
          expect(places).toEqual(places.toSorted((a, b) => a - b));
          expect(scale.ticks.length).toBeLessThan(24);
          for (const tick of scale.ticks) expect(tick >= min - 1e-9 && tick <= max + 1e-9).toBe(true);
        }
      }),
    );
  });

  it('hold a range over all doubles', () => {
    const scale = linearScale(-Number.MAX_VALUE, Number.MAX_VALUE, 6);
    expect(scale.at(0)).toBe(0.5);
    expect(scale.ticks.length).toBeLessThan(13);
  });
});

describe('heightsOf', () => {
  it('are shares of the highest', () => {
    expect(heightsOf([0, 25, 100], 'linear')).toEqual([0, 0.25, 1]);
    expect(heightsOf([0, 25, 100], 'root')).toEqual([0, 0.5, 1]);
    expect(heightsOf([0, 9, 99], 'log')).toEqual([0, 0.5, 1]);
    expect(heightsOf([0, 0], 'log')).toEqual([0, 0]);
  });
});
