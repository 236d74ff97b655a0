import { describe, expect, it } from 'vitest';
import { readTensor } from '../../../src/checkpoint/read-tensor.ts';
import type { Tensor } from '../../../src/checkpoint/tensor.ts';
import { cast } from '../../../src/fix/operations/cast.ts';
import { openCheckpoint } from '../../../src/formats/open.ts';
import { argumentsOf, callableName, PyTuple, type Value } from '../../../src/pickle/values.ts';
import { contents, Forge, heal } from '../../support/forge.ts';

const HALF_ONE = 0x3c00;

describe('fix --dtype', () => {
  it('casts floating-point tensors, and leaves all others alone', async () => {
    const forge = new Forge();
    const root = forge.dict({
      weight: forge.graph.parameter(forge.tensor(1, -2, 65504), true),
      double: forge.view(forge.storage(new Uint8Array(Float64Array.of(1, 2).buffer), 'float64'), {
        shape: [2],
      }),
      small: forge.view(forge.storage(Uint8Array.of(0x38, 0x7e), 'float8_e4m3fn'), { shape: [2] }),
      count: forge.view(forge.storage(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0), 'int64'), { shape: [] }),
      mask: forge.view(forge.storage(Uint8Array.of(1, 0), 'bool'), { shape: [2] }),
      phase: forge.view(forge.storage(new Uint8Array(8), 'complex64'), { shape: [1] }),
    });
    const { output, plan } = await heal(forge.checkpoint(root), { dtype: 'float16' });
    expect(output.tensors.map(({ dtype }) => dtype.name)).toEqual([
      'float16',
      'float16',
      'float16',
      'int64',
      'bool',
      'complex64',
    ]);
    expect(await contents(output)).toMatchObject({
      weight: [HALF_ONE, 0xc000, 0x7bff],
      double: [HALF_ONE, 0x4000],
      small: [HALF_ONE, 0x5f00],
      count: [7n],
    });
    expect(output.tensors[0]).toMatchObject({ kind: 'parameter', requiresGrad: true });
    expect(output.storages[0]?.storageClass.name).toBe('HalfStorage');
    expect(output.globals.map(({ name }) => name)).not.toContain('torch._utils._rebuild_tensor_v3');
    expect(plan.operations).toMatchObject([{ name: 'dtype float16', affected: 3, notes: [] }]);
  });

  it('keeps sharing, strides and slack', async () => {
    const forge = new Forge();
    const storage = forge.floats(0, 1, 2, 3, 4, 5, 6, 7);
    const root = forge.dict({
      a: forge.view(storage, { shape: [2, 3], stride: [1, 2] }),
      b: forge.view(storage, { shape: [2], storageOffset: 3 }),
    });
    const { output } = await heal(forge.checkpoint(root), { dtype: 'bfloat16' });
    expect(output.tensors.map(({ stride, storageOffset }) => [stride, storageOffset])).toEqual([
      [[1, 2], 0],
      [[1], 3],
    ]);
    expect(output.storages).toHaveLength(1);
    expect(output.storages[0]).toMatchObject({ numel: 8, bytes: 16 });
    expect(await contents(output)).toMatchObject({ b: [0x4040, 0x4080] });
  });

  it('goes by the names that the globs mean, and refuses to tear shared memory', async () => {
    const make = () => {
      const forge = new Forge();
      const tied = forge.floats(1, 2);
      return forge.checkpoint(
        forge.dict({
          'head.weight': forge.view(tied, { shape: [2] }),
          'embed.weight': forge.view(tied, { shape: [2] }),
          'norm.weight': forge.tensor(3),
          'fc.weight': forge.tensor(4),
        }),
      );
    };
    const { output } = await heal(make(), { dtype: 'float16', dtypeExclude: ['norm.*'] });
    expect(output.tensors.map(({ dtype }) => dtype.name)).toEqual([
      'float16',
      'float16',
      'float32',
      'float16',
    ]);
    const only = await heal(make(), {
      dtype: 'float16',
      dtypeInclude: ['{fc,norm}.*'],
      dtypeExclude: ['norm.*'],
    });
    expect(only.output.tensors.map(({ dtype }) => dtype.name)).toEqual([
      'float32',
      'float32',
      'float32',
      'float16',
    ]);
    await expect(heal(make(), { dtype: 'float16', dtypeExclude: ['head.*'] })).rejects.toThrow(
      'tensor embed.weight is to be cast, but head.weight, which shares its storage, is not',
    );
    const untied = await heal(make(), { dtype: 'float16', dtypeExclude: ['head.*'], untie: true });
    expect(untied.output.tensors.map(({ dtype }) => dtype.name)).toEqual([
      'float32',
      'float16',
      'float16',
      'float16',
    ]);
  });

  it('refuses what overflows, with counts, unless that is accepted', async () => {
    const make = () => {
      const forge = new Forge();
      return forge.checkpoint(
        forge.dict({ big: forge.tensor(1e6, -7e4, 1), fine: forge.tensor(Number.POSITIVE_INFINITY) }),
      );
    };
    await expect(heal(make(), { dtype: 'float16' })).rejects.toThrow(
      '2 finite values would become infinite in 1 tensor: big (2)',
    );
    const { output, plan } = await heal(make(), { dtype: 'float16', allowOverflow: true });
    expect(await contents(output)).toEqual({ big: [0x7c00, 0xfc00, HALF_ONE], fine: [0x7c00] });
    expect(plan.operations[0]?.notes).toEqual(['2 values became infinite, in 1 tensor: big (2)']);
    expect((await heal(make(), { dtype: 'bfloat16' })).output.tensors).toHaveLength(2);
  });

  it('gives the earliest tensors, which are objects with a state, the class of their new dtype', async () => {
    const checkpoint = await openCheckpoint('fixtures/legacy/earliest.pth');
    const floats = checkpoint.tensors.filter(({ dtype }) => dtype.name === 'float32');
    expect(floats.length).toBeGreaterThan(0);
    const { output } = await heal(checkpoint, { dtype: 'float16' });
    for (const { name } of floats) {
      const { node, dtype } = output.tensor(name).entry;
      expect([callableName(node), dtype.name]).toEqual(['torch.HalfTensor', 'float16']);
    }
  });

  it('moves tensors off a storage that is saved by itself', async () => {
    const forge = new Forge();
    const storage = forge.floats(1, 2);
    const tensor = forge.view(storage, { shape: [2] });
    const root = forge.dict({ tensor, storage: argumentsOf(tensor)[0] as Value });
    const { output } = await heal(forge.checkpoint(root), { dtype: 'float16' });
    expect(output.storages.map(({ dtype }) => dtype?.name)).toEqual(['float16', 'float32']);
  });

  it('leaves the scales of quantized tensors alone, and casts the values of sparse ones', async () => {
    const forge = new Forge();
    const indices = forge.view(forge.storage(new Uint8Array(8), 'int64'), { shape: [1, 1] });
    const layout = forge.call('torch.serialization._get_layout', 'torch.sparse_coo');
    const data = new PyTuple([indices, forge.tensor(2), new PyTuple([3]), true]);
    const quantizer = new PyTuple([
      forge.global('torch', 'per_channel_affine'),
      forge.view(forge.storage(new Uint8Array(8), 'float64'), { shape: [1] }),
      forge.view(forge.storage(new Uint8Array(8), 'int64'), { shape: [1] }),
      0,
    ]);
    const bytes = forge.view(forge.storage(Uint8Array.of(1, 2), 'qint8'), { shape: [1, 2] });
    const [pid, offset, size, stride] = argumentsOf(bytes) as [Value, Value, Value, Value];
    const root = forge.dict({
      sparse: forge.call('torch._utils._rebuild_sparse_tensor', layout, data),
      quantized: forge.call(
        'torch._utils._rebuild_qtensor',
        pid,
        offset,
        size,
        stride,
        quantizer,
        false,
        forge.graph.orderedDict(),
      ),
      meta: forge.call(
        'torch._utils._rebuild_meta_tensor_no_storage',
        forge.global('torch', 'float32'),
        new PyTuple([2]),
        new PyTuple([1]),
        false,
      ),
    });
    const { output, plan } = await heal(forge.checkpoint(root), { dtype: 'float16' });
    expect(output.tensors.map(({ dtype }) => dtype.name)).toEqual(['float16', 'qint8', 'float16']);
    expect(output.tensors[0]?.parts.map(({ dtype }) => dtype.name)).toEqual(['int64', 'float16']);
    expect(output.tensors[1]?.parts.map(({ dtype }) => dtype.name)).toEqual(['float64', 'int64']);
    expect(plan.operations).toMatchObject([{ affected: 2 }]);
  });

  it('turns big-endian numbers first', async () => {
    const forge = new Forge();
    const big = Buffer.from(Float32Array.of(1, 2).buffer).swap32();
    const wide = Buffer.from(Uint32Array.of(1, 256).buffer).swap32();
    const root = forge.dict({
      a: forge.view(forge.storage(big, 'float32', 'big'), { shape: [2] }),
      b: forge.view(forge.storage(wide, 'uint32', 'big'), { shape: [2] }),
      c: forge.view(forge.storage(Uint8Array.of(3), 'uint8', 'big'), { shape: [1] }),
    });
    const { output, plan } = await heal(forge.checkpoint(root), { dtype: 'float16' });
    expect(await contents(output)).toEqual({ a: [HALF_ONE, 0x4000], b: [1, 256], c: [3] });
    expect(plan.notes).toContain('2 storages are turned from big-endian to little-endian');
    expect(output.container.byteOrder).toBe('little');
  });

  it('writes what is longer than a window', async () => {
    const forge = new Forge();
    const values = Float32Array.from({ length: 3_000_001 }, (_, index) => index % 2048);
    const storage = forge.storage(new Uint8Array(values.buffer));
    const root = forge.dict({
      a: forge.tensor(5),
      long: forge.view(storage, { shape: [3_000_001] }),
      b: forge.tensor(6),
    });
    const { output } = await heal(forge.checkpoint(root), { dtype: 'float16' });
    const back = await heal(output, { dtype: 'float32' });
    const long = (await readTensor(back.output.tensors[1] as Tensor)) as Float32Array;
    expect(Buffer.from(long.buffer).equals(Buffer.from(values.buffer))).toBe(true);
  });

  it('says where there is nothing to do', async () => {
    const forge = new Forge();
    const checkpoint = forge.checkpoint(forge.dict({ a: forge.tensor(1) }));
    const { plan } = await heal(checkpoint, { dtype: 'float32' });
    expect(plan.operations).toMatchObject([
      { affected: 0, notes: ['no floating-point tensor is anything else than float32'] },
    ]);
    expect(() => cast('int8')).toThrow("--dtype 'int8' is none of float32, float16, bfloat16");
  });
});
