import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { compareValues } from '../../src/compare/compare-values.ts';
import type { NumbersDifference } from '../../src/compare/difference.ts';
import { tfjsPairKernel } from '../../src/numeric/tfjs-pair-sums.ts';
import { storage, tensor } from '../report/sample.ts';
import { FakeTensorFlow } from '../support/fake-tensorflow.ts';

/** A chunk that is just worth sending, and numbers for two of them and a few. */
const CHUNK = 2 ** 20;
const LENGTH = 2 * CHUNK + 5;
const waves = (from = 0) => Float32Array.from({ length: LENGTH }, (_, index) => Math.sin(index + from) / 20);

function float32(numbers: Float32Array): Tensor {
  const content = new Uint8Array(numbers.buffer);
  return tensor('w', [numbers.length], {
    storage: storage('0', { numel: numbers.length, bytes: content.length, content }),
  });
}

async function both(a: Float32Array, b: Float32Array) {
  const tf = new FakeTensorFlow();
  const pair = [float32(a), float32(b)] as const;
  const theirs = await compareValues(...pair, { pairKernel: { ...tfjsPairKernel(tf), length: CHUNK } });
  expect(tf.live).toBe(0);
  return { sent: tf.sent, theirs, ours: await compareValues(...pair) };
}

const numbersOf = (verdict: object) => (verdict as { readonly numbers: NumbersDifference }).numbers;

/** What the verdict hangs on exactly, means to a millionth. */
function expectAlike(theirs: object, ours: object): void {
  const { meanAbs, cosine, ...exact } = numbersOf(theirs);
  const own = numbersOf(ours);
  expect(own).toMatchObject(exact);
  expect(meanAbs / own.meanAbs).toBeCloseTo(1, 6);
  expect(cosine).toBeCloseTo(own.cosine as number, 6);
}

describe('compareValues with TensorFlow.js', () => {
  it('finds what the built-in sums find: counts and the largest difference exactly, the rest to a millionth', async () => {
    const a = waves();
    const b = a.map((value, index) => (index % 3 ? value : value + Math.cos(index * 7) / 1000));
    const { sent, theirs, ours } = await both(a, b);
    expect(sent).toBe(4 * CHUNK);
    expectAlike(theirs, ours);
    // it did compute
    expect(numbersOf(theirs).meanAbs).not.toBe(numbersOf(ours).meanAbs);
  });

  it('tells subnormals and the least differences apart, which float32 takes for none', async () => {
    const a = waves().fill(0, 0, 4);
    const b = Float32Array.from(a).fill(1e-40, 0, 3).fill(-0, 3, 4);
    const { theirs, ours } = await both(a, b);
    expectAlike(theirs, ours);
    expect(theirs).toMatchObject({
      verdict: 'different',
      numbers: { differing: 3, maxAbs: Math.fround(1e-40) },
    });
  });

  it('leaves to the built-in sums a chunk that is not finite, and sends the other', async () => {
    const [a, b] = [waves(), waves(1)];
    a[7] = Number.NaN;
    b[8] = Number.POSITIVE_INFINITY;
    const { theirs, ours } = await both(a, b);
    expectAlike(theirs, ours);
    expect(numbersOf(theirs)).toMatchObject({ notFinite: 2 });
  });

  it('sends nothing that is not float32 on both sides', async () => {
    const tf = new FakeTensorFlow();
    const a = float32(waves());
    const halves = new Uint8Array(2 * LENGTH);
    const b = tensor('w', [LENGTH], {
      dtype: 'float16',
      storage: storage('0', { numel: LENGTH, bytes: halves.length, content: halves }),
    });
    const options = { pairKernel: { ...tfjsPairKernel(tf), length: CHUNK } };
    expect(await compareValues(a, b, options)).toEqual(await compareValues(a, b));
    expect(await compareValues(b, a, options)).toMatchObject({ verdict: 'different' });
    expect(tf.sent).toBe(0);
  });
});
