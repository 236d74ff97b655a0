import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coveredElements, type View } from '../../../src/checkpoint/view-coverage.ts';
import { argumentsOf, PyList, type Value } from '../../../src/pickle/values.ts';
import { contents, Forge, heal, names } from '../../support/forge.ts';

const count = (length: number) => Array.from({ length }, (_, index) => index);

interface Raw {
  shape: number[];
  stride: number[];
  storageOffset: number;
}

function checkpoint(length: number, views: readonly Raw[], dtype = 'float32') {
  const forge = new Forge();
  const storage = forge.storage(
    new Uint8Array(
      dtype === 'float32' ? Float32Array.from(count(length)).buffer : Int8Array.from(count(length)).buffer,
    ),
    dtype,
  );
  return forge.checkpoint(new PyList(views.map((view) => forge.view(storage, view))));
}

describe('fix --compact', () => {
  it('keeps of a slice what it shows', async () => {
    const make = () => checkpoint(1000, [{ shape: [3], stride: [1], storageOffset: 10 }]);
    const { output, plan } = await heal(make(), { compact: true });
    expect(await contents(output)).toEqual({ 0: [10, 11, 12] });
    expect(output.storages[0]).toMatchObject({ numel: 3, bytes: 12 });
    expect(plan.operations).toMatchObject([{ affected: 1, notes: ['3988 bytes that no tensor uses go'] }]);
  });

  it('keeps what overlapping views share, once', async () => {
    const views = [
      { shape: [10, 10], stride: [100, 1], storageOffset: 0 },
      { shape: [10, 10], stride: [100, 1], storageOffset: 5 },
      { shape: [2], stride: [3], storageOffset: 955 },
    ];
    const before = checkpoint(1000, views);
    const values = await contents(before);
    const { output } = await heal(before, { compact: true });
    expect(await contents(output)).toEqual(values);
    expect(output.storages).toHaveLength(1);
    // fifteen columns of ten rows, and the two that stand alone
    expect(output.storages[0]?.numel).toBe(152);
    expect(output.tensors[0]?.stride).toEqual([15, 1]);
  });

  it('keeps transposed and expanded views what they are', async () => {
    const views = [
      { shape: [4, 3], stride: [1, 4], storageOffset: 20 },
      { shape: [5, 2], stride: [0, 1], storageOffset: 60 },
      { shape: [0, 3], stride: [3, 1], storageOffset: 70 },
    ];
    const before = checkpoint(100, views);
    const values = await contents(before);
    const { output } = await heal(before, { compact: true });
    expect(await contents(output)).toEqual(values);
    expect(output.tensors.map(({ stride }) => stride)).toEqual(views.map(({ stride }) => stride));
    expect(output.storages[0]?.numel).toBe(14);
  });

  it('lays steps that differ out as they were', async () => {
    // the second view uses every other element of what the first uses half of
    const views = [
      { shape: [4], stride: [3], storageOffset: 10 },
      { shape: [5], stride: [2], storageOffset: 11 },
    ];
    const before = checkpoint(100, views);
    const values = await contents(before);
    const { output } = await heal(before, { compact: true });
    expect(await contents(output)).toEqual(values);
    expect(output.storages[0]?.numel).toBe(10);
  });

  it('touches neither storages that are saved by themselves nor those that are used whole', async () => {
    const forge = new Forge();
    const storage = forge.floats(...count(10));
    const tensor = forge.view(storage, { shape: [2], storageOffset: 3 });
    const held = forge.checkpoint(new PyList([tensor, argumentsOf(tensor)[0] as Value, forge.tensor(1, 2)]));
    const { output, plan } = await heal(held, { compact: true });
    expect(output.storages[0]?.numel).toBe(10);
    expect(plan.operations).toMatchObject([{ affected: 0 }]);
  });

  it('keeps every element of any views, shares what was shared, and has nothing to do twice', async () => {
    const dimension = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 12 }));
    const view = fc.tuple(fc.array(dimension, { maxLength: 3 }), fc.integer({ min: 0, max: 40 })).map(
      ([dims, storageOffset]): Raw => ({
        shape: dims.map(([size]) => size),
        stride: dims.map(([, step]) => step),
        storageOffset,
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(view, { minLength: 1, maxLength: 4 }), async (views) => {
        const before = checkpoint(200, views);
        const values = await contents(before);
        const used = coveredElements(before.tensors as readonly View[]);
        const { output } = await heal(before, { compact: true });
        expect(await contents(output)).toEqual(values);
        expect(output.storages).toHaveLength(1);
        expect(output.storages[0]?.numel).toBeGreaterThanOrEqual(used);
        expect(output.storages[0]?.numel).toBeLessThanOrEqual(200);
        const shapes = output.tensors.map(({ storageOffset, stride }) => ({ storageOffset, stride }));
        const again = await heal(output, { compact: true });
        expect(again.plan.operations).toMatchObject([{ affected: 0 }]);
        expect(again.output.tensors.map(({ storageOffset, stride }) => ({ storageOffset, stride }))).toEqual(
          shapes,
        );
      }),
      { numRuns: 150 },
    );
  });
});

describe('fix --untie', () => {
  it('gives tied weights, slices and repeated objects bytes of their own', async () => {
    const forge = new Forge();
    const storage = forge.floats(...count(12));
    const whole = forge.view(storage, { shape: [3, 4] });
    const root = forge.dict({
      whole,
      row: forge.view(storage, { shape: [4], storageOffset: 4 }),
      again: whole,
      alone: forge.graph.parameter(forge.tensor(7), true),
    });
    const before = forge.checkpoint(root);
    const values = await contents(before);
    const { output, plan } = await heal(before, { untie: true });
    expect(await contents(output)).toEqual(values);
    expect(names(output)).toEqual(['whole', 'row', 'again', 'alone']);
    expect(new Set(output.tensors.map(({ storage }) => storage)).size).toBe(4);
    expect(output.tensors[1]?.storage?.numel).toBe(4);
    expect(output.tensors[3]).toMatchObject({ kind: 'parameter', requiresGrad: true });
    expect(plan.operations).toMatchObject([
      { affected: 3, notes: ['64 bytes more, for copies of what was shared'] },
    ]);
  });

  it('unties parameters that are one object', async () => {
    const forge = new Forge();
    const tied = forge.graph.parameter(forge.tensor(1, 2), true);
    const { output } = await heal(forge.checkpoint(forge.dict({ a: tied, b: tied })), { untie: true });
    expect(output.storages).toHaveLength(2);
    expect(await contents(output)).toEqual({ a: [1, 2], b: [1, 2] });
  });

  it('says where nothing is shared', async () => {
    const forge = new Forge();
    const { plan } = await heal(forge.checkpoint(forge.dict({ a: forge.tensor(1), b: forge.tensor(1) })), {
      untie: true,
    });
    expect(plan.operations).toMatchObject([{ affected: 0, notes: ['no two tensors share a storage'] }]);
  });
});
