import { describe, expect, it } from 'vitest';
import { targetTorch } from '../../../src/fix/operations/target-torch.ts';
import {
  argumentsOf,
  PyDict,
  PyGlobal,
  type PyObject,
  PyTuple,
  type Value,
} from '../../../src/pickle/values.ts';
import { contents, Forge, heal } from '../../support/forge.ts';

function lazy(forge: Forge, tensor: PyObject, bit: 'conj' | 'neg'): PyObject {
  const args = argumentsOf(tensor);
  return forge.call('torch._utils._rebuild_tensor_v2', ...args, new PyDict([bit], [true]));
}

describe('fix --target-torch', () => {
  it('makes lazy conjugates and negatives real for torch 1.x', async () => {
    const forge = new Forge();
    const complex = forge.storage(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer), 'complex64');
    const root = forge.dict({
      conj: lazy(forge, forge.view(complex, { shape: [3] }), 'conj'),
      turned: lazy(forge, forge.view(complex, { shape: [2], stride: [2] }), 'conj'),
      plain: forge.view(complex, { shape: [3] }),
      neg: lazy(forge, forge.tensor(1, -2), 'neg'),
    });
    const checkpoint = forge.checkpoint(root);
    const before = await contents(checkpoint);
    const { output, plan } = await heal(checkpoint, { targetTorch: '1.13' });
    expect(before).toMatchObject({ conj: [1, -2, 3, -4, 5, -6], turned: [1, -2, 5, -6], neg: [-1, 2] });
    expect(await contents(output)).toEqual(before);
    expect(output.tensors.every(({ conj, neg }) => !conj && !neg)).toBe(true);
    expect(plan.operations[0]?.notes).toEqual(['3 lazily conjugated or negated tensors are made real']);
  });

  it('builds sparse tensors as either era does', async () => {
    const make = (name: string) => {
      const forge = new Forge();
      const index = () => forge.view(forge.storage(new Uint8Array(16), 'int64'), { shape: [2] });
      const data = new PyTuple([index(), index(), forge.tensor(1, 2), new PyTuple([1, 2])]);
      const layout = forge.call('torch.serialization._get_layout', 'torch.sparse_csr');
      return forge.checkpoint(forge.dict({ a: forge.call(`torch._utils.${name}`, layout, data) }));
    };
    const built = async (name: string, targetTorch: string) =>
      (await heal(make(name), { targetTorch })).output.globals.map((global) => global.name);
    expect(await built('_rebuild_sparse_csr_tensor', '2.6')).toContain('torch._utils._rebuild_sparse_tensor');
    expect(await built('_rebuild_sparse_tensor', '1.13')).toContain(
      'torch._utils._rebuild_sparse_csr_tensor',
    );
    const { output } = await heal(make('_rebuild_sparse_csr_tensor'), { safe: true });
    expect(output.globals.every(({ weightsOnly }) => weightsOnly)).toBe(true);
  });

  it('gives tensors typed storages where a release knows no others', async () => {
    const forge = new Forge();
    const untyped = forge.storage(new Uint8Array(Float32Array.of(1, 2).buffer), 'uint16');
    const [pid, , , , grad, hooks] = argumentsOf(forge.view(untyped, { shape: [4] })) as Value[];
    const tensor = forge.call(
      'torch._utils._rebuild_tensor_v3',
      pid as Value,
      1,
      new PyTuple([1]),
      new PyTuple([1]),
      grad as Value,
      hooks as Value,
      new PyGlobal('torch', 'float32'),
    );
    const { output } = await heal(forge.checkpoint(forge.dict({ tensor })), { targetTorch: '1.13' });
    expect(await contents(output)).toEqual({ tensor: [2] });
    expect(output.storages[0]?.storageClass.qualifiedName).toBe('torch.FloatStorage');
    expect(output.globals.map(({ name }) => name)).toContain('torch._utils._rebuild_tensor_v2');
  });

  it('refuses names that a release has not, wherever they stand', async () => {
    const forge = new Forge();
    const type = forge.checkpoint(forge.dict({ w: forge.tensor(1), type: forge.global('torch', 'uint16') }));
    await expect(heal(type, { targetTorch: '2.2' })).rejects.toThrow(
      'has no torch.uint16, which is needed for type',
    );
    const nested = new Forge();
    const index = () => nested.view(nested.storage(new Uint8Array(8), 'int64'), { shape: [1] });
    const parts = [nested.tensor(1), index(), index(), index()];
    const tensor = nested.call('torch._utils._rebuild_nested_tensor', ...parts);
    await expect(heal(nested.checkpoint(nested.dict({ tensor })), { targetTorch: '1.13' })).rejects.toThrow(
      'has no torch._utils._rebuild_nested_tensor, which is needed for tensor',
    );
  });

  it('refuses what a release has not, and what is no release', async () => {
    const forge = new Forge();
    const small = forge.view(forge.storage(new Uint8Array(2), 'float8_e4m3fn'), { shape: [2] });
    const checkpoint = () => forge.checkpoint(forge.dict({ small }));
    await expect(heal(checkpoint(), { targetTorch: '1.13' })).rejects.toThrow(
      'has no float8_e4m3fn, which is needed for small; cast it with --dtype',
    );
    const { plan } = await heal(checkpoint(), { targetTorch: '2.6' });
    expect(plan.operations).toMatchObject([{ affected: 0, notes: ['torch 2.6 loads it as it is'] }]);
    expect(() => targetTorch('two')).toThrow("'two' is no version of torch");
    expect(() => targetTorch('1.5')).toThrow('releases before 1.6 read no archives');
  });
});
