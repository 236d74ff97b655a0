import { describe, expect, it } from 'vitest';
import { histogramOf, numbersOf } from '../../../src/report/html/numbers.ts';
import { bell, forged } from './page-sample.ts';

const sum = (counts: readonly number[] | undefined) => (counts ?? []).reduce((all, count) => all + count, 0);

describe('numbersOf', () => {
  it('has the figures of one tensor, and its histogram', async () => {
    const data = await forged((forge) => ({ w: forge.tensor(...bell(3000), Number.NaN) }));
    const numbers = numbersOf(data, data.numbers, [0]);
    expect(numbers).toMatchObject({ tensors: [0], count: 3001, nan: 1, infinite: 0, beyond: 0 });
    expect(numbers?.std).toBe(data.numbers.std[0]);
    expect(sum(numbers?.histogram?.counts)).toBeCloseTo(3000, 6);
  });

  it('puts those of several together, by what stands for fractions', async () => {
    const data = await forged((forge) => ({
      a: forge.tensor(...bell(3000)),
      b: forge.tensor(...bell(1000).map((value) => value + 2)),
      steps: forge.view(forge.storage(new Uint8Array(BigInt64Array.of(125_000n).buffer), 'int64'), {
        shape: [1],
      }),
    }));
    const numbers = numbersOf(data, data.numbers, [0, 1, 2]);
    expect(numbers).toMatchObject({ tensors: [0, 1], count: 4000, std: null });
    expect(numbers?.max).toBe(data.numbers.max[1]);
    const [a = 0, b = 0] = data.numbers.mean;
    expect(numbers?.mean).toBeCloseTo(((a ?? 0) * 3000 + (b ?? 0) * 1000) / 4000, 6);
    expect(sum(numbers?.histogram?.counts) + (numbers?.beyond ?? 0)).toBeCloseTo(4000, 0);
    expect(numbersOf(data, data.numbers, [2])).toMatchObject({
      tensors: [2],
      min: 125_000,
      histogram: undefined,
    });
  });

  it('leaves the ends out where few numbers make nearly all of the range, and says how many', async () => {
    const data = await forged((forge) => ({
      a: forge.tensor(...bell(20_000)),
      b: forge.tensor(...bell(20_000, 0.5), 5000),
    }));
    const { histogram, beyond, max } = numbersOf(data, data.numbers, [0, 1]) ?? {};
    expect(max).toBe(5000);
    expect(histogram?.max).toBeLessThan(10);
    expect(beyond).toBeGreaterThanOrEqual(1);
    expect(beyond).toBeLessThan(200);
  });

  it('has nothing to show of tensors without numbers, or whose numbers are one', async () => {
    const data = await forged((forge) => ({ none: forge.tensor(), ones: forge.tensor(1, 1, 1) }));
    expect(numbersOf(data, data.numbers, [0])).toBeUndefined();
    expect(numbersOf(data, data.numbers, [0, 1])).toMatchObject({ min: 1, max: 1, histogram: undefined });
  });
});

describe('histogramOf', () => {
  it('has fewer bins for fewer numbers', async () => {
    const data = await forged((forge) => ({
      many: forge.tensor(...bell(5000)),
      few: forge.tensor(...bell(64)),
    }));
    const [many, few] = [0, 1].map((tensor) => histogramOf(data.numbers, tensor)?.counts);
    expect([many?.length, few?.length]).toEqual([48, 16]);
    expect(sum(few)).toBeCloseTo(64, 6);
  });
});
