import { describe, expect, it } from 'vitest';
import { parametersOf, totalsOf } from '../../src/checkpoint/totals.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { checkpoint, resnet18, storage, tensor } from '../report/sample.ts';

describe('totalsOf', () => {
  it('sums by dtype and by location', () => {
    const totals = totalsOf(
      checkpoint([
        tensor('a', [2, 3], { location: 'cuda:0' }),
        tensor('b', [4], { dtype: 'int64', location: 'cuda:1' }),
        tensor('c', [5], { dtype: 'float16', location: 'cuda:0' }),
      ]),
    );
    expect(totals).toEqual({
      tensors: 3,
      parameters: 11,
      storages: 3,
      tensorBytes: 66,
      storageBytes: 66,
      byDtype: {
        float32: { tensors: 1, bytes: 24 },
        int64: { tensors: 1, bytes: 32 },
        float16: { tensors: 1, bytes: 10 },
      },
      byLocation: { 'cuda:0': { storages: 2, bytes: 34 }, 'cuda:1': { storages: 1, bytes: 32 } },
    });
  });

  it('knows what torchvision says of ResNet-18: 11 689 512 parameters and 9 600 running statistics', () => {
    expect(parametersOf(checkpoint(resnet18([])))).toBe(11_689_512 + 9_600);
  });

  it('takes a location that is named __proto__ as any other', () => {
    const { byLocation } = totalsOf(checkpoint([tensor('a', [1], { location: '__proto__' })]));
    expect(Object.keys(byLocation)).toEqual(['__proto__']);
  });
});

describe('parametersOf', () => {
  it('counts a tied weight once and disjoint views together', () => {
    const fused = storage('0', { numel: 12 });
    const part = (name: string, storageOffset: number) =>
      tensor(name, [4], { storage: fused, storageOffset });
    expect(parametersOf(checkpoint([part('q', 0), part('k', 4), part('v', 8)]))).toBe(12);
    expect(parametersOf(checkpoint([part('wte', 0), part('head', 0)]))).toBe(4);
    expect(parametersOf(checkpoint([part('a', 0), part('b', 2)]))).toBe(6);
  });

  it('leaves out integers and bools, and takes quantized numbers', () => {
    expect(
      parametersOf(
        checkpoint([
          tensor('steps', [7], { dtype: 'int64' }),
          tensor('mask', [5], { dtype: 'bool' }),
          tensor('phase', [3], { dtype: 'complex64' }),
          tensor('weight', [2], { dtype: 'qint8', kind: 'quantized' }),
        ]),
      ),
    ).toBe(2);
  });

  it('counts the values of a sparse tensor, and a meta tensor that stands twice once', () => {
    const parts = [tensor('i', [2, 3], { dtype: 'int64' }), tensor('v', [3])];
    expect(
      parametersOf(checkpoint([tensor('s', [10, 10], { kind: 'sparse', storage: undefined, parts })])),
    ).toBe(3);
    const meta = tensor('m', [10, 10], { kind: 'meta', storage: undefined });
    expect(parametersOf(checkpoint([meta, { ...meta, name: 'again' }]))).toBe(100);
  });

  it('counts the views of real files of torch', async () => {
    const views = await openCheckpoint('fixtures/clean/views.pth');
    expect(totalsOf(views)).toMatchObject({ tensors: 6, parameters: 12, tensorBytes: 168, storageBytes: 48 });
    await views.close();
    const tied = await openCheckpoint('fixtures/clean/tied_weights.pth');
    const { parameters } = totalsOf(tied);
    expect(parameters).toBe(tied.storages.reduce((sum, { bytes }) => sum + bytes / 4, 0));
    await tied.close();
  });
});
