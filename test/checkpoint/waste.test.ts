import { describe, expect, it } from 'vitest';
import { findWaste } from '../../src/checkpoint/waste.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { dtypeByName } from '../../src/torch/dtypes.ts';
import { storage, tensor } from '../report/sample.ts';

describe('findWaste', () => {
  const large = storage('0', { numel: 100 });

  it('counts what no tensor views, once for all views of a storage', () => {
    const a = tensor('a', [10], { storage: large });
    const b = tensor('b', [10], { storage: large, storageOffset: 5 });
    const whole = tensor('c', [7]);
    const storages = [large, whole.storage as NonNullable<typeof whole.storage>];
    const { bytes, tensors } = findWaste({ tensors: [a, b, whole], storages });
    expect(bytes).toBe((100 - 15) * 4);
    expect(tensors.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('takes a storage that no tensor views for one that was meant to be saved', () => {
    expect(findWaste({ tensors: [], storages: [large] })).toMatchObject({ bytes: 0, tensors: [] });
  });

  it('adds up the views of several dtypes, and never counts below nothing', () => {
    const untyped = { ...storage('1', { numel: 40, bytes: 40 }), dtype: undefined };
    const views = [
      tensor('f', [4], { storage: untyped }),
      tensor('h', [4], { storage: untyped, dtype: 'float16' }),
    ];
    expect(findWaste({ tensors: views, storages: [untyped] }).bytes).toBe(40 - 16 - 8);
    const twice = [
      tensor('f', [10], { storage: untyped }),
      tensor('i', [10], { storage: untyped, dtype: 'int32' }),
    ];
    expect(findWaste({ tensors: twice, storages: [untyped] }).bytes).toBe(0);
  });

  it('knows that packed values share a byte', () => {
    const packed = storage('2', { dtype: dtypeByName('quint4x2') as never, numel: 8, bytes: 8 });
    const view = tensor('q', [16], { storage: packed, dtype: 'quint4x2' });
    expect(findWaste({ tensors: [view], storages: [packed] }).bytes).toBe(0);
  });

  it('names the listed tensor where its parts have the storages', () => {
    const part = tensor('values', [10], { storage: large });
    const sparse = tensor('s', [50], { storage: undefined, parts: [part] });
    expect(findWaste({ tensors: [sparse], storages: [large] }).tensors).toEqual([sparse]);
  });

  it('finds what torch really wrote', async () => {
    const checkpoint = await openCheckpoint('fixtures/clean/strides.pth');
    const { bytes, tensors } = findWaste(checkpoint);
    await checkpoint.close();
    expect(bytes).toBeGreaterThan(0);
    expect(tensors.length).toBeGreaterThan(0);
  });
});
