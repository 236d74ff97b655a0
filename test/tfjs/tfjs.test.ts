import { beforeAll, describe, expect, it } from 'vitest';
import { computeStatistics } from '../../src/numeric/statistics.ts';
import type { Summary } from '../../src/numeric/summary.ts';
import { openTfjs, type Tfjs } from '../../src/numeric/tfjs.ts';
import { storage, tensor } from '../report/sample.ts';

let tfjs: Tfjs;

beforeAll(async () => {
  tfjs = await openTfjs(process.env.CKPT_DOCTOR_TFJS ?? process.cwd());
});

const LENGTH = 5_000_003;

async function both(floats: Float32Array): Promise<[theirs: Summary, ours: Summary]> {
  const content = new Uint8Array(floats.buffer);
  const made = tensor('w', [floats.length], {
    storage: storage('0', { numel: floats.length, bytes: content.length, content }),
  });
  const of = async (kernels?: Tfjs['kernels']) =>
    (await computeStatistics([made], { kernels }))[0]?.summary as Summary;
  return [await of(tfjs.kernels), await of()];
}

describe('a real TensorFlow.js', () => {
  it('says what it is', () => {
    expect(tfjs.name).toMatch(/^@tensorflow\/tfjs/);
    expect(tfjs.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('finds what the built-in kernels find', async () => {
    const [theirs, ours] = await both(
      Float32Array.from({ length: LENGTH }, (_, index) => Math.sin(index) / 20),
    );
    expect(theirs.mean).toBeCloseTo(ours.mean, 6);
    expect(theirs.deviation).toBeCloseTo(ours.deviation, 6);
    expect(theirs).toMatchObject({ count: LENGTH, min: ours.min, max: ours.max, zeros: ours.zeros });
  });

  it('is left aside for NaN, infinities and subnormals', async () => {
    const floats = Float32Array.from({ length: LENGTH }, (_, index) => (index % 3) - 1);
    floats[7] = Number.NaN;
    floats[8] = Number.NEGATIVE_INFINITY;
    floats[4_999_999] = 1e-40;
    const [theirs, ours] = await both(floats);
    expect(theirs).toMatchObject({ nan: 1, negativeInfinity: 1, subnormals: 1, zeros: ours.zeros });
    expect(theirs.mean).toBeCloseTo(ours.mean, 6);
  });
});
