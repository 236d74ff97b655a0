import { describe, expect, it } from 'vitest';
import { TensorHandle } from '../../src/checkpoint/tensor-handle.ts';
import { toTfjs } from '../../src/numeric/to-tfjs.ts';
import { dtypeByName } from '../../src/torch/dtypes.ts';
import { storage, tensor } from '../report/sample.ts';

interface Made {
  values: unknown;
  shape?: number[];
  dtype: string;
}

/** What TensorFlow.js would be given; its own classes check types in the same way. */
const disposed: Made[] = [];
const tf = {
  tensor: (values: Float32Array | Int32Array | Uint8Array, shape: number[], dtype: string): Made => ({
    values: [...values],
    shape,
    dtype: `${dtype} of ${values.constructor.name}`,
  }),
  complex: (real: Made, imag: Made): Made => ({ values: [real.values, imag.values], dtype: 'complex64' }),
  dispose: (tensors: Made[]) => void disposed.push(...tensors),
};

function handle(dtype: string, values: ArrayBufferView, shape: number[]): TensorHandle {
  const type = dtypeByName(dtype);
  const content = new Uint8Array(values.buffer);
  const numel = content.length / (type?.itemSize ?? 1);
  return new TensorHandle(
    tensor('t', shape, { dtype, storage: storage('0', { dtype: type, numel, content }) }),
  );
}

describe('toTfjs', () => {
  it.each([
    ['float16', Uint16Array.of(0x3c00, 0x4000), [2], [1, 2], 'float32 of Float32Array'],
    ['float32', Float32Array.of(0.5), [], [0.5], 'float32 of Float32Array'],
    ['int64', BigInt64Array.of(-1n, 5n), [1, 2], [-1, 5], 'int32 of Int32Array'],
    ['int8', Int8Array.of(-1, 5), [2], [-1, 5], 'int32 of Int32Array'],
    ['uint32', Uint32Array.of(7), [1], [7], 'int32 of Int32Array'],
    ['bool', Uint8Array.of(1, 0), [2], [1, 0], 'bool of Uint8Array'],
  ])('hands %s over', async (dtype, values, shape, expected, as) => {
    expect(await toTfjs(handle(dtype, values, shape), tf)).toEqual({ values: expected, shape, dtype: as });
  });

  it('takes complex numbers apart, and keeps no part', async () => {
    const numbers = handle('complex64', Float32Array.of(1, 2, 3, 4), [2]);
    expect(await toTfjs(numbers, tf)).toEqual({
      values: [
        [1, 3],
        [2, 4],
      ],
      dtype: 'complex64',
    });
    expect(disposed).toHaveLength(2);
  });

  it.each([
    ['int64', BigInt64Array.of(0n, 2n ** 31n), 'holds 2147483648 at element 1'],
    ['uint32', Uint32Array.of(4294967295), 'holds 4294967295 at element 0'],
    ['complex128', Float64Array.of(1, 2), 'no float32'],
    ['quint8', Uint8Array.of(1), 'no float32'],
  ])('refuses %s that would not stay the same', async (dtype, values, message) => {
    const { length } = values;
    await expect(toTfjs(handle(dtype, values, [length]), tf)).rejects.toThrow(message);
  });
});
