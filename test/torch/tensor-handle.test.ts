import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TensorHandle } from '../../src/checkpoint/tensor-handle.ts';
import { type Dtype, dtypeByName } from '../../src/torch/dtypes.ts';
import { storage, tensor } from '../report/sample.ts';
import { pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-handle-'));
let torch: Torch;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
});

afterAll(() => {
  torch?.stop();
  rmSync(folder, { recursive: true });
});

/** Random bytes; of 8-byte integers also those between two neighbouring floats, of either sign. */
function bytesOf({ name, itemSize }: Dtype): Buffer {
  const random = randomBytes(itemSize * 100_000);
  if (name === 'bool') return Buffer.from(random.map((byte) => byte & 1));
  if (name !== 'int64' && name !== 'uint64') return random;
  const ties: bigint[] = [];
  for (let exponent = 24n; exponent < 63n; exponent++)
    for (const half of [1n, 3n])
      for (const more of [-1n, 0n, 1n]) ties.push((1n << exponent) + (half << (exponent - 24n)) + more);
  const signed = name === 'int64' ? [...ties, ...ties.map((value) => -value)] : ties;
  return Buffer.concat([random, Buffer.from(BigInt64Array.from(signed).buffer)]);
}

describe('float32 of a tensor', () => {
  it.each([
    'float64',
    'float16',
    'bfloat16',
    'float8_e4m3fn',
    'float8_e5m2',
    'float8_e4m3fnuz',
    'float8_e5m2fnuz',
    'float8_e8m0fnu',
    'int64',
    'int32',
    'int16',
    'int8',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'bool',
  ])('is what torch makes of %s', async (name) => {
    const dtype = dtypeByName(name) as Dtype;
    const content = bytesOf(dtype);
    const numel = content.length / dtype.itemSize;
    const stored = storage('0', { dtype, numel, content: new Uint8Array(content) });
    const numbers = await new TensorHandle(tensor('t', [numel], { dtype: name, storage: stored })).float32();
    const [file, after] = ['before', 'after'].map((word) => path.join(folder, `${name}.${word}`));
    writeFileSync(file as string, content);
    writeFileSync(after as string, numbers);
    const request = { do: 'cast', file, after, source: name, target: 'float32' };
    expect(
      (await torch.ask({ ...request, overflow: overflows(content, numbers, name) })).faults,
    ).toBeUndefined();
  });
});

/** float64 alone can pass the range of float32. */
function overflows(content: Buffer, numbers: Float32Array, name: string): number {
  if (name !== 'float64') return 0;
  const wide = new Float64Array(new Uint8Array(content).buffer);
  return numbers.reduce(
    (sum, value, i) => sum + (Math.abs(value) === Infinity && Number.isFinite(wide[i]) ? 1 : 0),
    0,
  );
}
