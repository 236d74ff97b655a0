import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { computeStatistics } from '../../src/numeric/statistics.ts';
import { unpackCounts } from '../../src/report/packed-histogram.ts';
import { numberColumns, PAGE_BINS } from '../../src/report/page-numbers.ts';
import { Forge } from '../support/forge.ts';

const columnsOf = async ({ tensors }: Pick<Checkpoint, 'tensors'>, sample = false) =>
  numberColumns(tensors, await computeStatistics(tensors, { bins: PAGE_BINS, narrow: true, sample }));

describe('numberColumns', () => {
  it('has what stats tells of each tensor, with six digits', async () => {
    const forge = new Forge();
    const columns = await columnsOf(
      forge.checkpoint(
        forge.dict({
          a: forge.tensor(1, 2, 3, 4, Number.NaN, Number.POSITIVE_INFINITY, 0, 70_000),
          b: forge.tensor(1 / 3, 1 / 3),
          none: forge.tensor(Number.NaN),
          empty: forge.tensor(),
        }),
      ),
    );
    expect(columns).toMatchObject({
      sampled: false,
      count: [8, 2, 1, 0],
      nan: [1, 0, 1, 0],
      infinite: [1, 0, 0, 0],
      zeros: [1, 0, 0, 0],
      overflow: [1, 0, 0, 0],
      min: [0, 0.333333, null, null],
      max: [70_000, 0.333333, null, null],
      mean: [11_668.3, 0.333333, null, null],
      std: [28_576.6, 0, null, null],
      range: [null, null, null, null],
    });
    const [histogram, ...others] = columns.histogram.map(unpackCounts);
    expect(histogram?.reduce((sum, count) => sum + count)).toBe(6);
    expect(others).toEqual([[], [], []]);
  });

  it('counts a complex tensor once, real and imaginary parts together', async () => {
    const forge = new Forge();
    const storage = forge.storage(new Uint8Array(Float32Array.of(1, -5, 2, -6, 3, -7).buffer), 'complex64');
    const checkpoint = forge.checkpoint(forge.dict({ z: forge.view(storage, { shape: [3] }) }));
    const { count, min, max, mean, histogram } = await columnsOf(checkpoint);
    expect({ count, min, max, mean }).toEqual({ count: [6], min: [-7], max: [3], mean: [-2] });
    const counts = unpackCounts(histogram[0] as string);
    expect(counts).toHaveLength(PAGE_BINS);
    // the imaginary parts stand in the first fifth of -7 to 3
    expect(counts.slice(0, 12).reduce((sum, each) => sum + each)).toBe(3);
  });

  it('says what the bins cover, where a few numbers lie far out', async () => {
    const forge = new Forge();
    const bell = Array.from({ length: 500 }, (_, index) => Math.sin(index));
    const { range, max } = await columnsOf(forge.checkpoint(forge.dict({ a: forge.tensor(...bell, 1e6) })));
    expect(max).toEqual([1e6]);
    expect(range[0]?.[0]).toBeCloseTo(-1, 3);
    expect(range[0]?.[1]).toBeLessThan(1000);
  });
});
