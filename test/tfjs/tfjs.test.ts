import { createRequire } from 'node:module';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compareValues } from '../../src/compare/compare-values.ts';
import type { NumbersDifference } from '../../src/compare/difference.ts';
import { computeStatistics } from '../../src/numeric/statistics.ts';
import type { Summary } from '../../src/numeric/summary.ts';
import { openTfjs, type Tfjs } from '../../src/numeric/tfjs.ts';
import { storage, tensor } from '../report/sample.ts';

let tfjs: Tfjs;

const FOLDER = process.env.CKPT_DOCTOR_TFJS ?? process.cwd();
beforeAll(async () => {
  tfjs = await openTfjs(FOLDER);
});
/** Tensors that are not disposed are never reclaimed. */
afterEach(() => {
  const tf = createRequire(path.join(FOLDER, 'package.json'))(tfjs.name);
  expect(tf.memory().numTensors).toBe(0);
});

const LENGTH = 5_000_003;

function float32(floats: Float32Array) {
  const content = new Uint8Array(floats.buffer);
  return tensor('w', [floats.length], {
    storage: storage('0', { numel: floats.length, bytes: content.length, content }),
  });
}

/** Numbers of two tensors, by TensorFlow.js and by the built-in sums. */
async function differences(
  a: Float32Array,
  b: Float32Array,
): Promise<[NumbersDifference, NumbersDifference]> {
  const of = async (pairKernel?: Tfjs['pairKernel']) => {
    const verdict = await compareValues(float32(a), float32(b), { pairKernel });
    return (verdict as { readonly numbers: NumbersDifference }).numbers;
  };
  return [await of(tfjs.pairKernel), await of()];
}

function expectAlike([theirs, ours]: readonly [NumbersDifference, NumbersDifference]): void {
  const { meanAbs, cosine, ...exact } = theirs;
  expect(ours).toMatchObject(exact);
  expect(meanAbs / ours.meanAbs).toBeCloseTo(1, 6);
  expect(cosine).toBeCloseTo(ours.cosine as number, 6);
}

async function both(floats: Float32Array): Promise<[theirs: Summary, ours: Summary]> {
  const made = float32(floats);
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

  const waves = (from: number) =>
    Float32Array.from({ length: LENGTH }, (_, index) => Math.sin(index + from) / 20);

  it('finds the differences that the built-in sums find', async () => {
    const found = await differences(waves(0), waves(1));
    expectAlike(found);
    // it did compute
    expect(found[0].meanAbs).not.toBe(found[1].meanAbs);
  });

  it('is left aside for differences of NaN, infinities and what vanishes in float32', async () => {
    for (const numbers of [Number.NaN, Number.POSITIVE_INFINITY, 3e38]) {
      const b = waves(1).fill(numbers, 9, 10).fill(numbers, 4_999_999);
      expectAlike(await differences(waves(0), b));
    }
    for (const tiny of [1e-40, 1e-20])
      expectAlike(await differences(waves(0).fill(tiny), waves(1).fill(tiny / 2)));
  });
});
