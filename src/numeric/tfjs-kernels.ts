import { EMPTY, merge, type Summary } from './summary.ts';
import { plainKernels, type SummaryKernels, vectorSummaryKernels } from './summary-kernels.ts';

/** What is used of a tensor of TensorFlow.js. */
export interface TfTensor {
  dataSync(): ArrayLike<number>;
}

/** What is used of TensorFlow.js, whichever package it is. */
export interface TensorFlow {
  ready?(): Promise<void>;
  tidy<T>(work: () => T): T;
  tensor1d(values: Float32Array): TfTensor;
  isFinite(tensor: TfTensor): TfTensor;
  all(tensor: TfTensor): TfTensor;
  moments(tensor: TfTensor): { readonly mean: TfTensor; readonly variance: TfTensor };
  tensor2d(values: Float32Array, shape: [number, number]): TfTensor;
  sub(a: TfTensor, b: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor): TfTensor;
  abs(tensor: TfTensor): TfTensor;
  sum(tensor: TfTensor, axis: number): TfTensor;
}

/** TypeScript has its types only for browsers. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** Numbers that are sent at a time; below a quarter of that the built-in kernel is done before TensorFlow has begun. */
export const CHUNK = 4 * 2 ** 20;
export const WORTH_SENDING = CHUNK / 4;

/** Room for a chunk of float32 in memory of WebAssembly, which begins at a page: TensorFlow copies what does not stand at a multiple of 64. */
export function chunkMemory(): ArrayBuffer {
  return new WebAssembly.Memory({ initial: CHUNK / 16384 }).buffer;
}

/**
 * Kernels that have mean and variance of float32 computed by TensorFlow.js. Its sums are float32, so they hold six
 * digits or so; chunks are combined in float64. What has to be exact is not asked of it: it takes subnormals for zeros, so numbers are
 * counted and compared by the built-in kernel, which also stands in where a chunk is small or not all finite.
 */
export function tfjsKernels(tf: TensorFlow): SummaryKernels {
  const window = new Uint8Array(chunkMemory());
  const inner = vectorSummaryKernels() ?? plainKernels();
  const { counters } = inner;
  const eachPart = (bytes: number, use: (part: number) => void): void => {
    for (let at = 0; at < bytes; at += inner.window.length) {
      const part = window.subarray(at, Math.min(bytes, at + inner.window.length));
      inner.window.set(part);
      use(part.length);
    }
  };
  return {
    window,
    counters,
    count: (bytes) => eachPart(bytes, (part) => inner.count(part)),
    float32(bytes) {
      let summary: Summary = EMPTY;
      eachPart(bytes, (part) => {
        summary = merge(summary, inner.float32(part));
      });
      const floats = new Float32Array(window.buffer, window.byteOffset, bytes / 4);
      if (floats.length < WORTH_SENDING) return summary;
      return { ...summary, ...momentsOf(tf, floats) };
    },
  };
}

/** Nothing where TensorFlow's result is not to be used: NaN and infinities spoil it, and sums of large float32 overflow. */
function momentsOf(
  tf: TensorFlow,
  floats: Float32Array,
): Partial<Pick<Summary, 'mean' | 'meanRest' | 'deviation'>> {
  const found = tf.tidy(() => {
    const tensor = tf.tensor1d(floats);
    if (!tf.all(tf.isFinite(tensor)).dataSync()[0]) return undefined;
    const { mean, variance } = tf.moments(tensor);
    return [mean, variance].map((each) => each.dataSync()[0] as number);
  });
  if (!found?.every(Number.isFinite)) return {};
  const [mean = 0, variance = 0] = found;
  return { mean, meanRest: 0, deviation: Math.sqrt(Math.max(0, variance)) };
}
