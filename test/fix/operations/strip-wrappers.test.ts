import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrapped } from '../../../src/fix/operations/strip-wrappers.ts';
import { lookup, type PyObject, stateOf } from '../../../src/pickle/values.ts';
import { contents, Forge, heal, names } from '../../support/forge.ts';

describe('unwrapped', () => {
  it.each([
    ['module.conv.weight', 'conv.weight'],
    ['module.module.conv.weight', 'conv.weight'],
    ['_orig_mod.module.conv.weight', 'conv.weight'],
    ['module._orig_mod.conv.weight', 'conv.weight'],
    ['layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.fc.bias', 'layers.0.fc.bias'],
    ['_forward_module.model.weight', 'model.weight'],
    ['encoder.module.weight', 'encoder.module.weight'],
    ['module', 'module'],
    ['module.module', 'module'],
    ['_orig_mod', '_orig_mod'],
    ['my_orig_mod.weight', 'my_orig_mod.weight'],
    ['a._orig_mod_b.weight', 'a._orig_mod_b.weight'],
    ['modules.weight', 'modules.weight'],
    ['', ''],
  ])('%s', (key, expected) => {
    expect(unwrapped(key)).toBe(expected);
  });

  it('leaves nothing to do for a second time', () => {
    const part = fc.constantFrom('module', '_orig_mod', '_fsdp_wrapped_module', 'conv', '0', 'weight', '');
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const once = unwrapped(parts.join('.'));
        expect(unwrapped(once)).toBe(once);
        expect(once.endsWith(parts.at(-1) as string)).toBe(true);
      }),
    );
  });
});

describe('fix --strip-wrappers', () => {
  it('renames keys and modules of _metadata, in every state_dict, and keeps the rest', async () => {
    const forge = new Forge();
    const model = forge.stateDict(
      {
        'module._orig_mod.fc.weight': forge.tensor(1, 2),
        'module._orig_mod.block._checkpoint_wrapped_module.bias': forge.tensor(3),
        n_averaged: 7,
      },
      { '': 1, module: 2, 'module._orig_mod': 3, 'module._orig_mod.fc': 4 },
    );
    const root = forge.dict({ model, module: 'a word', ema: forge.dict({ '_orig_mod.w': forge.tensor(4) }) });
    const { plan, output } = await heal(forge.checkpoint(root), { stripWrappers: true });
    expect(names(output)).toEqual(['model.fc.weight', 'model.block.bias', 'ema.w']);
    expect(await contents(output)).toMatchObject({ 'model.fc.weight': [1, 2], 'ema.w': [4] });
    expect(plan.operations).toMatchObject([{ name: 'strip-wrappers', affected: 3, notes: [] }]);
    expect(lookup(output.root, 'module')).toBe('a word');
    const written = lookup(stateOf(lookup(output.root, 'model') as PyObject) ?? null, '_metadata');
    expect(lookup(written ?? null, 'fc')).toBe(4);
    expect(lookup(written ?? null, '')).toBe(3);
    expect(lookup(written ?? null, 'module')).toBeUndefined();
  });

  it('says where there is nothing to do', async () => {
    const forge = new Forge();
    const root = forge.dict({ 'encoder.module.weight': forge.tensor(1) });
    const { plan } = await heal(forge.checkpoint(root), { stripWrappers: true });
    expect(plan.operations).toMatchObject([{ affected: 0, notes: ['no key of a tensor names a wrapper'] }]);
  });

  it('refuses to make two keys one', async () => {
    const forge = new Forge();
    const root = forge.dict({ 'module.w': forge.tensor(1), '_orig_mod.w': forge.tensor(2) });
    await expect(heal(forge.checkpoint(root), { stripWrappers: true })).rejects.toThrow(
      "keys 'module.w' and '_orig_mod.w' would both become 'w'",
    );
  });
});
