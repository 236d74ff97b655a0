import { CHUNK, chunkMemory, type TensorFlow, type TfTensor, WORTH_SENDING } from './tfjs-kernels.ts';

/** Sums over pairs of numbers a and b. */
export interface PairSums {
  /** Of |a - b|. */
  readonly sumAbs: number;
  /** Of a * b. */
  readonly dot: number;
  readonly squaresA: number;
  readonly squaresB: number;
}

/** Sums pairs of float32 by other means than ours. */
export interface PairKernel {
  /** How many pairs it takes at a time, at most. */
  readonly length: number;
  /** Of arrays of one length; undefined where the sums are to be made by our own kernel. */
  sums(a: Float32Array, b: Float32Array): PairSums | undefined;
}

/** Pairs that are summed in float32; such sums are added in float64. */
const ROW = 256;
/**
 * TensorFlow takes subnormals for zeros, in what it is given and in what comes out: up to two of 2^-126 a pair. A mean above this loses
 * less by that than float32 rounds off.
 */
const LEAST_MEAN = 2 ** -101;

/**
 * Has TensorFlow.js sum pairs. It leaves to our kernel what is small, and what its float32 does not hold: sums that are not finite, since
 * a number is not or since they overflow, and sums of what may have vanished.
 */
export function tfjsPairKernel(tf: TensorFlow): PairKernel {
  const [roomA, roomB] = [new Float32Array(chunkMemory()), new Float32Array(chunkMemory())];
  return {
    length: CHUNK,
    sums(a, b) {
      if (a.length < WORTH_SENDING) return undefined;
      const rows = Math.ceil(a.length / ROW);
      const [sumAbs, dot, squaresA, squaresB] = tf.tidy(() => {
        const [x, y] = [sent(tf, a, roomA, rows), sent(tf, b, roomB, rows)];
        // one at a time, so that only one of them is in memory
        const sumOf = (of: () => TfTensor) => tf.tidy(() => total(tf.sum(of(), 1).dataSync()));
        return [
          sumOf(() => tf.abs(tf.sub(x, y))),
          sumOf(() => tf.mul(x, y)),
          sumOf(() => tf.mul(x, x)),
          sumOf(() => tf.mul(y, y)),
        ] as const;
      });
      const least = a.length * LEAST_MEAN;
      const isHeld = [sumAbs, squaresA, squaresB].every((sum) => Number.isFinite(sum) && sum >= least);
      return isHeld && Number.isFinite(dot) ? { sumAbs, dot, squaresA, squaresB } : undefined;
    },
  };
}

/** Zeros fill the last row: they add nothing. */
function sent(tf: TensorFlow, numbers: Float32Array, room: Float32Array, rows: number): TfTensor {
  room.set(numbers);
  return tf.tensor2d(room.subarray(0, rows * ROW).fill(0, numbers.length), [rows, ROW]);
}

function total(sums: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < sums.length; i++) sum += sums[i] as number;
  return sum;
}
