import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TensorFlow, TfTensor } from '../../src/numeric/tfjs-kernels.ts';

/** Puts a package of TensorFlow.js in a folder, of this code. */
export function installTfjs(folder: string, name: string, code: string): void {
  const place = path.join(folder, 'node_modules', '@tensorflow', name);
  mkdirSync(place, { recursive: true });
  writeFileSync(
    path.join(place, 'package.json'),
    JSON.stringify({ name: `@tensorflow/${name}`, main: 'index.js' }),
  );
  writeFileSync(path.join(place, 'index.js'), code);
}

/** As much of TensorFlow.js as a probe asks for. */
export const workingTfjs = (gpu: boolean) => `
const util = require('node:util');
if (!util.isNullOrUndefined || !util.isArray) throw new TypeError('util_1.isNullOrUndefined is not a function');
const tensor = (values) => ({
  sum: () => tensor([values.reduce((a, b) => a + b, 0)]),
  dataSync: () => Float32Array.from(values),
});
module.exports = {
  version: { tfjs: '4.22.0' },
  backend: () => ({ isGPUPackage: true, isUsingGpuDevice: ${gpu} }),
  tidy: (work) => work(),
  tensor1d: (values) => tensor([...values]),
};`;

interface FakeTensor extends TfTensor {
  readonly values: Float32Array;
  /** Numbers of a row. */
  readonly width: number;
}

const own = (tensor: TfTensor) => tensor as FakeTensor;
const flushed = (value: number) => (Math.abs(value) < 2 ** -126 ? 0 : value);

/** TensorFlow as it computes: in float32, subnormals taken for zeros, NaN handed on; it counts what is not disposed. */
export class FakeTensorFlow implements TensorFlow {
  sent = 0;
  live = 0;
  #scopes: number[] = [];

  tidy<T>(work: () => T): T {
    this.#scopes.push(this.live);
    const result = work();
    this.live = this.#scopes.pop() as number;
    return result;
  }

  #tensor(values: Float32Array, width = values.length): FakeTensor {
    this.live++;
    return { values, width, dataSync: () => values };
  }

  #reduce(tensor: TfTensor, step: (a: number, b: number) => number, start: number): TfTensor {
    let result = start;
    for (const value of own(tensor).values) result = Math.fround(step(result, value));
    return this.#tensor(Float32Array.of(result));
  }

  #pairwise(a: TfTensor, b: TfTensor, step: (a: number, b: number) => number): TfTensor {
    const others = own(b).values;
    const values = own(a).values.map((value, index) =>
      flushed(Math.fround(step(value, others[index] as number))),
    );
    return this.#tensor(values, own(a).width);
  }

  tensor1d(values: Float32Array): TfTensor {
    return this.tensor2d(values, [1, values.length]);
  }
  tensor2d(values: Float32Array, [rows, width]: [number, number]): TfTensor {
    if (rows * width !== values.length) throw new Error(`${values.length} values for [${rows},${width}]`);
    this.sent += values.length;
    return this.#tensor(values.map(flushed), width);
  }
  isFinite(tensor: TfTensor): TfTensor {
    return this.#tensor(own(tensor).values.map((value) => Number(Number.isFinite(value))));
  }
  all = (tensor: TfTensor) => this.#reduce(tensor, (a, b) => Math.min(a, b), 1);
  moments(tensor: TfTensor) {
    const { values } = own(tensor);
    const scale = Math.fround(1 / values.length);
    const mean = this.#reduce(tensor, (a, b) => a + Math.fround(b * scale), 0);
    const [center = 0] = mean.dataSync() as Float32Array;
    const variance = this.#reduce(tensor, (a, b) => a + Math.fround((b - center) ** 2 * scale), 0);
    return { mean, variance };
  }
  sub = (a: TfTensor, b: TfTensor) => this.#pairwise(a, b, (x, y) => x - y);
  mul = (a: TfTensor, b: TfTensor) => this.#pairwise(a, b, (x, y) => x * y);
  abs = (tensor: TfTensor) => this.#tensor(own(tensor).values.map(Math.abs), own(tensor).width);
  sum(tensor: TfTensor, axis: number): TfTensor {
    const { values, width } = own(tensor);
    if (axis !== 1) throw new Error(`sum along ${axis}`);
    const sums = new Float32Array(values.length / width);
    for (let i = 0; i < values.length; i++) {
      const row = Math.floor(i / width);
      sums[row] = (sums[row] as number) + (values[i] as number);
    }
    return this.#tensor(sums);
  }
}
