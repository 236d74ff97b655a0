import { describe, expect, it } from 'vitest';
import { type PairSums, tfjsPairKernel } from '../../src/numeric/tfjs-pair-sums.ts';
import { FakeTensorFlow } from '../support/fake-tensorflow.ts';

const LENGTH = 2 ** 20 + 77;
const ROOM = 2 ** 20 + 256;
const waves = (step: number) => Float32Array.from({ length: LENGTH }, (_, index) => Math.sin(index * step));

function sumsOf(a: Float32Array, b: Float32Array) {
  const tf = new FakeTensorFlow();
  const sums = tfjsPairKernel(tf).sums(a, b);
  expect(tf.live).toBe(0);
  return { sums, sent: tf.sent };
}

/** In doubles. */
function expected(a: Float32Array, b: Float32Array): PairSums {
  let [sumAbs, dot, squaresA, squaresB] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    sumAbs += Math.abs(x - y);
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return { sumAbs, dot, squaresA, squaresB };
}

describe('the pair kernel of TensorFlow.js', () => {
  it('sums to a millionth what doubles sum, whatever the length, and leaves nothing behind', () => {
    const a = waves(1);
    const b = a.map((value, index) => value + Math.cos(index * 7) / 50);
    const { sums, sent } = sumsOf(a, b);
    expect(sent).toBe(2 * ROOM);
    for (const [name, value] of Object.entries(expected(a, b)))
      expect((sums?.[name as keyof PairSums] as number) / value, name).toBeCloseTo(1, 6);
  });

  it('forgets what it was sent before', () => {
    const kernel = tfjsPairKernel(new FakeTensorFlow());
    const [a, b] = [waves(1), waves(3)];
    const first = kernel.sums(a.subarray(0, 2 ** 20 + 1), b.subarray(0, 2 ** 20 + 1));
    kernel.sums(
      a.map(() => 1000),
      b,
    );
    expect(kernel.sums(a.subarray(0, 2 ** 20 + 1), b.subarray(0, 2 ** 20 + 1))).toEqual(first);
  });

  it('sends nothing where there is little', () => {
    const few = waves(1).subarray(0, 2 ** 20 - 1);
    expect(sumsOf(few, few)).toEqual({ sums: undefined, sent: 0 });
  });

  it.each([
    ['NaN', Number.NaN],
    ['an infinity', Number.NEGATIVE_INFINITY],
    ['a square that overflows', 3e38],
  ])('has no sums where there is %s on either side', (_, spoil) => {
    const [a, b] = [waves(1), waves(2)];
    const spoilt = waves(2).fill(spoil, 12345, 12346);
    expect(sumsOf(a, b).sums).toBeDefined();
    expect(sumsOf(a, spoilt).sums).toBeUndefined();
    expect(sumsOf(spoilt, b).sums).toBeUndefined();
    expect(sumsOf(spoilt, spoilt).sums).toBeUndefined();
  });

  it('has no sums of what TensorFlow takes for zeros', () => {
    const ones = waves(1).fill(1);
    for (const tiny of [1e-40, 1e-20, 0]) {
      const small = waves(1).fill(tiny);
      expect(sumsOf(small, ones).sums).toBeUndefined();
      expect(sumsOf(ones, small).sums).toBeUndefined();
    }
    // a difference that vanishes
    expect(sumsOf(ones, ones).sums).toBeUndefined();
  });
});
