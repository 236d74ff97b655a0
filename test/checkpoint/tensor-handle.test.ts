import { describe, expect, it } from 'vitest';
import { TensorHandle, tensorNamed } from '../../src/checkpoint/tensor-handle.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { RefusedError } from '../../src/io/errors.ts';
import { dtypeByName } from '../../src/torch/dtypes.ts';
import { storage, tensor } from '../report/sample.ts';

function handle(dtype: string, values: ArrayBufferView, shape?: number[], stride?: number[]): TensorHandle {
  const type = dtypeByName(dtype);
  const content = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const numel = content.length / (type?.itemSize ?? 1);
  const entry = tensor('t', shape ?? [numel], {
    dtype,
    ...(stride && { stride }),
    storage: storage('0', { dtype: type, numel, content }),
  });
  return new TensorHandle(entry);
}

describe('TensorHandle', () => {
  it.each([
    ['float16', Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x8000), [1, -2, 2 ** -24, Infinity, -0]],
    ['bfloat16', Uint16Array.of(0x3f80, 0xc040, 0x0001), [1, -3, 2 ** -133]],
    ['float8_e4m3fn', Uint8Array.of(0x38, 0x7e, 0x7f, 0x01), [1, 448, NaN, 2 ** -9]],
    ['float8_e5m2', Uint8Array.of(0x3c, 0x7c, 0x01), [1, Infinity, 2 ** -16]],
    ['float64', Float64Array.of(0.1, 1e300, -0), [Math.fround(0.1), Infinity, -0]],
    ['bool', Uint8Array.of(0, 1), [0, 1]],
    ['uint32', Uint32Array.of(4294967295), [4294967296]],
    ['int64', BigInt64Array.of(-3n, 2n ** 24n + 1n), [-3, 2 ** 24]],
  ])('widens or rounds %s to float32', async (dtype, values, expected) => {
    expect(await handle(dtype, values).float32()).toEqual(Float32Array.from(expected));
  });

  it('reads a range of the first dimension, whatever the strides', async () => {
    const values = Float32Array.from({ length: 12 }, (_, index) => index);
    const plain = handle('float32', values, [4, 3]).slice(1, 3);
    expect([plain.shape, plain.elements]).toEqual([[2, 3], 6]);
    expect(await plain.array()).toEqual(Float32Array.of(3, 4, 5, 6, 7, 8));
    const turned = handle('float32', values, [3, 4], [1, 3]);
    expect(await turned.slice(1, 2).array()).toEqual(Float32Array.of(1, 4, 7, 10));
    expect(await turned.slice(1).slice(1).float32()).toEqual(Float32Array.of(2, 5, 8, 11));
    expect(await turned.slice(3).array()).toEqual(new Float32Array());
    for (const [start, end] of [
      [-1, 2],
      [2, 1],
      [0, 4],
      [0.5, 1],
    ] as const)
      expect(() => turned.slice(start, end)).toThrow(RefusedError);
    expect(() => handle('float32', values.subarray(0, 1), []).slice(0)).toThrow('has no dimension');
  });

  it('rounds an integer once, where a double on the way would round it twice', async () => {
    // the double nearest to it lies half-way between two floats, and goes to the even one below
    const twice = 2n ** 60n + 2n ** 36n + 1n;
    const values = BigInt64Array.of(twice, -twice);
    expect(await handle('int64', values).float32()).toEqual(
      Float32Array.of(2 ** 60 + 2 ** 37, -(2 ** 60) - 2 ** 37),
    );
  });

  it('gives a view in C order', async () => {
    const columns = handle('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2], [1, 3]);
    expect(await columns.float32()).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6));
    expect(columns).toMatchObject({ name: 't', shape: [3, 2], stride: [1, 3], elements: 6 });
  });

  it('keeps int64 whole', async () => {
    expect(await handle('int64', BigInt64Array.of(2n ** 62n)).array()).toEqual(BigInt64Array.of(2n ** 62n));
  });

  it.each(['complex64', 'qint8', 'float4_e2m1fn_x2', 'bits8'])(
    'refuses to call %s float32',
    async (dtype) => {
      await expect(handle(dtype, new Uint8Array(8)).float32()).rejects.toThrow(RefusedError);
    },
  );
});

describe('checkpoint.tensor', () => {
  it('finds a tensor of a file by its name', async () => {
    const checkpoint = await openCheckpoint('fixtures/clean/state_dict.pth');
    const weight = checkpoint.tensor('fc.weight');
    expect(weight.shape).toEqual([10, 8]);
    expect((await weight.float32()).length).toBe(80);
    await checkpoint.close();
  });

  it('says what there is where no tensor has the name', () => {
    const tensors = [tensor('module.fc.weight', [1]), tensor('bias', [1])];
    expect(() => tensorNamed(tensors, 'fc.weight')).toThrow(
      "no tensor is called 'fc.weight' among 2; 'module.fc.weight' is there",
    );
    expect(() => tensorNamed(tensors, 'x')).toThrow("no tensor is called 'x' among 2");
  });
});
