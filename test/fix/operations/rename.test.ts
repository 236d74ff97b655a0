import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rename } from '../../../src/fix/operations/rename.ts';
import { lookup, type PyObject, stateOf } from '../../../src/pickle/values.ts';
import { contents, Forge, heal, names } from '../../support/forge.ts';

describe('fix --rename', () => {
  it('renames in the order given, by groups, and modules along with their keys', async () => {
    const forge = new Forge();
    const root = forge.stateDict(
      {
        'encoder.layer0.weight': forge.tensor(1),
        'encoder.layer1.weight': forge.tensor(2),
        'head.weight': forge.tensor(3),
        version: 5,
      },
      { '': 0, encoder: 1, 'encoder.layer0': 2, head: 3 },
    );
    const { output, plan } = await heal(forge.checkpoint(root), {
      rename: ['layer(\\d)=block.\\1', '^encoder\\.=enc.', '(?<=^)head=$&.fc'],
    });
    expect(await contents(output)).toEqual({
      'enc.block.0.weight': [1],
      'enc.block.1.weight': [2],
      'head.fc.weight': [3],
    });
    expect(lookup(output.root, 'version')).toBe(5);
    expect(plan.operations.map(({ affected }) => affected)).toEqual([2, 2, 1]);
    const written = lookup(stateOf(output.root as PyObject) ?? null, '_metadata') ?? null;
    expect(['', 'enc', 'enc.block.0', 'head.fc'].map((key) => lookup(written, key))).toEqual([0, 1, 2, 3]);
  });

  it('leaves the frame of a training checkpoint and its optimizer alone', async () => {
    const forge = new Forge();
    const root = forge.dict({
      model: forge.dict({ 'model.w': forge.tensor(1) }),
      rng_model: forge.tensor(2),
      optimizer: forge.dict({ param_groups: 0, state: forge.dict({ 'model.exp': forge.tensor(3) }) }),
    });
    const { output } = await heal(forge.checkpoint(root), { rename: ['model=net'] });
    expect(names(output)).toEqual(['model.net.w', 'rng_model', 'optimizer.state.model.exp']);
  });

  it('refuses collisions, empty keys and specs that are none', async () => {
    const forge = new Forge();
    const root = forge.dict({ 'a.w': forge.tensor(1), 'b.w': forge.tensor(2) });
    const checkpoint = forge.checkpoint(root);
    await expect(heal(checkpoint, { rename: ['^[ab]=c'] })).rejects.toThrow(
      "'a.w' and 'b.w' would both become 'c.w'",
    );
    await expect(heal(checkpoint, { rename: ['.*='] })).rejects.toThrow("leaves nothing of the key 'a.w'");
    expect(() => rename('no pair')).toThrow('is no pair');
    expect(() => rename('(=x')).toThrow('Invalid regular expression');
  });

  it('maps the names and nothing else', async () => {
    const key = fc.stringMatching(/^[a-c]{1,3}(\.[a-c]{1,2}){0,2}$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { minLength: 1, maxLength: 6 }), async (keys) => {
        const forge = new Forge();
        const root = forge.stateDict(Object.fromEntries(keys.map((name, i) => [name, forge.tensor(i)])));
        const { output } = await heal(forge.checkpoint(root), { rename: ['^=x.', 'a=AA'] });

        const expected = keys.map((name, i) => [`x.${name}`.replaceAll('a', 'AA'), [i]]);
        expect(await contents(output)).toEqual(Object.fromEntries(expected));
      }),
      { numRuns: 40 },
    );
  });
});
