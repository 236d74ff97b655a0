import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import type { Storage } from '../../src/checkpoint/storage.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { type ByteSource, MemorySource } from '../../src/io/byte-source.ts';
import { RefusedError } from '../../src/io/errors.ts';
import type { Segment } from '../../src/io/segment.ts';
import { dtypeByName } from '../../src/torch/dtypes.ts';
import { storage, tensor } from '../report/sample.ts';

function stored(content: Segment | undefined, dtype: string, over: Partial<Storage> = {}): Storage {
  const type = dtypeByName(dtype);
  const numel = content ? content.length / (type?.itemSize ?? 1) : 0;
  return storage('0', { dtype: type, numel, content, ...over });
}

/** A tensor of int32 0, 1, 2 … with any view. */
function counting(count: number) {
  return stored(new Uint8Array(Int32Array.from({ length: count }, (_, i) => i).buffer), 'int32');
}

describe('readTensor', () => {
  it('gathers any strided view in C order', async () => {
    const dims = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 6 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(dims, fc.nat({ max: 5 }), async (pairs, storageOffset) => {
        const shape = pairs.map(([size]) => size);
        const stride = pairs.map(([, step]) => step);
        let expected = [storageOffset];
        for (const [dim, size] of shape.entries()) {
          expected = expected.flatMap((at) =>
            Array.from({ length: size }, (_, i) => at + i * (stride[dim] as number)),
          );
        }
        const view = tensor('t', shape, { dtype: 'int32', stride, storageOffset, storage: counting(100) });
        expect([...(await readTensor(view))]).toEqual(expected);
      }),
    );
  });

  it.each([
    ['float64', Float64Array],
    ['float32', Float32Array],
    ['float16', Uint16Array],
    ['bfloat16', Uint16Array],
    ['float8_e4m3fn', Uint8Array],
    ['int64', BigInt64Array],
    ['uint64', BigUint64Array],
    ['int8', Int8Array],
    ['bool', Uint8Array],
    ['complex128', Float64Array],
    ['qint32', Int32Array],
    ['quint8', Uint8Array],
  ])('gives %s, transposed and of either byte order, as %o', async (dtype, expected) => {
    const { itemSize, swapSize } = dtypeByName(dtype) as { itemSize: number; swapSize: number };
    const little = Uint8Array.from({ length: 6 * itemSize }, (_, i) => (i * 37 + 1) & 0x3f);
    const big = little.slice();
    for (let at = 0; at < big.length; at += swapSize) big.subarray(at, at + swapSize).reverse();
    const view = { dtype, shape: [3, 2], stride: [1, 3], elements: 6 };
    const a = await readTensor(tensor('t', [3, 2], { ...view, storage: stored(little, dtype) }));
    const b = await readTensor(
      tensor('t', [3, 2], { ...view, storage: stored(big, dtype, { byteOrder: 'big' }) }),
    );
    expect(a).toBeInstanceOf(expected);
    expect(b).toEqual(a);
    const order = [0, 3, 1, 4, 2, 5].flatMap((i) => [...little.subarray(i * itemSize, (i + 1) * itemSize)]);
    expect([...new Uint8Array(a.buffer)]).toEqual(order);
  });

  it('reads only the range that the tensor views, and leaves the source as it was', async () => {
    const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
    const asked: number[][] = [];
    const source: ByteSource = {
      size: bytes.length + 3,
      read: async (offset, length) => {
        asked.push([offset, length]);
        return bytes.subarray(offset - 3, offset - 3 + length);
      },
    };
    const content = { source, offset: 3, length: bytes.length };
    const part = tensor('t', [2], {
      storageOffset: 2,
      storage: stored(content, 'float32', { byteOrder: 'big' }),
    });
    await readTensor(part);
    expect(asked).toEqual([[11, 8]]);
    expect([...new Float32Array(bytes.buffer)]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('inflates a deflated record', async () => {
    const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const deflated = deflateRawSync(bytes);
    const content = {
      deflated: { source: new MemorySource(deflated), offset: 0, length: deflated.length },
      length: bytes.length,
    };
    const part = tensor('t', [2], { storageOffset: 1, storage: stored(content, 'float32') });
    expect([...(await readTensor(part))]).toEqual([2, 3]);
  });

  it('resolves the lazy conjugate and negative', async () => {
    const complex = stored(new Uint8Array(Float32Array.of(1, 2, 3, -4).buffer), 'complex64');
    const view = { dtype: 'complex64', storage: complex };
    expect([...(await readTensor(tensor('t', [2], { ...view, conj: true })))]).toEqual([1, -2, 3, 4]);
    expect([...(await readTensor(tensor('t', [2], { ...view, neg: true })))]).toEqual([-1, -2, -3, 4]);
    const half = stored(new Uint8Array(Uint16Array.of(0x3c00, 0xbc00).buffer), 'float16');
    const negative = await readTensor(tensor('t', [2], { dtype: 'float16', storage: half, neg: true }));
    expect([...negative]).toEqual([0xbc00, 0x3c00]);
  });

  it('reads what real torch wrote in big-endian order', async () => {
    const checkpoint = await openCheckpoint('fixtures/clean/big_endian.pth');
    for (const each of checkpoint.tensors) expect((await readTensor(each)).byteLength).toBe(each.bytes);
    expect(checkpoint.container.byteOrder).toBe('big');
    await checkpoint.close();
  });

  it('refuses what has no bytes of its own, and more bytes than the limit', async () => {
    await expect(readTensor(tensor('t', [2], { storage: undefined, kind: 'meta' }))).rejects.toThrow(
      new RefusedError('tensor t is meta: it has no storage of its own to read'),
    );
    const expanded = tensor('t', [1000], { dtype: 'int32', stride: [0], storage: counting(1) });
    expect((await readTensor(expanded)).length).toBe(1000);
    await expect(readTensor(expanded, { maxBytes: 3999 })).rejects.toThrow('limit of 3999');
  });

  it('refuses a view that passes the end of its storage or of its record', async () => {
    const late = tensor('t', [2], { dtype: 'int32', storageOffset: 9, storage: counting(10) });
    await expect(readTensor(late)).rejects.toMatchObject({ code: 'short-record' });
    const short = stored(new Uint8Array(8), 'float32', { numel: 4, bytes: 16 });
    await expect(readTensor(tensor('t', [4], { storage: short }))).rejects.toMatchObject({
      code: 'short-record',
    });
    await expect(
      readTensor(tensor('t', [1], { storage: stored(undefined, 'float32', { numel: 1, bytes: 4 }) })),
    ).rejects.toMatchObject({ code: 'missing-record' });
    const backwards = tensor('t', [3], { dtype: 'int32', stride: [-1], storage: counting(10) });
    await expect(readTensor(backwards)).rejects.toMatchObject({ code: 'bad-pickle' });
  });
});
