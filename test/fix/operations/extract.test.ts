import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extract } from '../../../src/fix/operations/extract.ts';
import { PyList } from '../../../src/pickle/values.ts';
import { contents, Forge, heal, names } from '../../support/forge.ts';

describe('fix --extract', () => {
  it('makes the value the root, and leaves the bytes of the others behind', async () => {
    const forge = new Forge();
    const root = forge.dict({
      state_dict: forge.stateDict({ 'fc.weight': forge.tensor(1, 2, 3) }),
      optimizer: forge.dict({ momentum: forge.tensor(4) }),
    });
    const { output, plan } = await heal(forge.checkpoint(root), { extract: 'state_dict' });
    expect(await contents(output)).toEqual({ 'fc.weight': [1, 2, 3] });
    expect(output.storages).toHaveLength(1);
    expect(plan.operations).toMatchObject([
      { name: 'extract state_dict', affected: 1, notes: ['1 of 2 tensors stand elsewhere and are left out'] },
    ]);
  });

  it('finds keys with dots, indexes and single tensors', async () => {
    const forge = new Forge();
    const make = () =>
      forge.checkpoint(
        forge.dict({ a: forge.dict({ c: 1 }), 'a.b': forge.dict({ c: new PyList([0, forge.tensor(5)]) }) }),
      );
    expect(await contents((await heal(make(), { extract: 'a.b.c.1' })).output)).toEqual({ '': [5] });
    expect(names((await heal(make(), { extract: 'a.b' })).output)).toEqual(['c.1']);
  });

  it('refuses a path where nothing stands', async () => {
    const forge = new Forge();
    const checkpoint = forge.checkpoint(forge.dict({ model: forge.tensor(1), epoch: 3 }));
    await expect(heal(checkpoint, { extract: 'ema' })).rejects.toThrow(
      "nothing stands at 'ema'; the root holds model, epoch",
    );
    await expect(heal(checkpoint, { extract: 'model.weight.x' })).rejects.toThrow('nothing stands at');
    expect(() => extract('')).toThrow('path to extract is empty');
  });

  it('then shows what inspect shows under that name', async () => {
    const key = fc.stringMatching(/^[a-c]{1,2}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(key, fc.uniqueArray(key, { minLength: 1, maxLength: 3 }), { minKeys: 1, maxKeys: 4 }),
        fc.nat(),
        async (tree, pick) => {
          const forge = new Forge();
          let value = 0;
          const root = forge.dict(
            Object.fromEntries(
              Object.entries(tree).map(([outer, inner]) => [
                outer,
                forge.dict(Object.fromEntries(inner.map((name) => [name, forge.tensor(value++)]))),
              ]),
            ),
          );
          const checkpoint = forge.checkpoint(root);
          const before = await contents(checkpoint);
          const outers = Object.keys(tree);
          const path = outers[pick % outers.length] as string;
          const { output } = await heal(checkpoint, { extract: path });
          const under = Object.entries(before).filter(([name]) => name.startsWith(`${path}.`));
          expect(await contents(output)).toEqual(
            Object.fromEntries(under.map(([name, values]) => [name.slice(path.length + 1), values])),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
});
