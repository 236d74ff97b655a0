import { describe, expect, it } from 'vitest';
import { lookup, PyTuple } from '../../../src/pickle/values.ts';
import { Forge, heal, names } from '../../support/forge.ts';

function sample(forge: Forge) {
  return forge.checkpoint(
    forge.dict({
      epoch: 3,
      model: forge.stateDict({
        'encoder.0.weight': forge.tensor(1),
        'encoder.0.bias': forge.tensor(2),
        'head.weight': forge.tensor(3),
        note: 'kept',
      }),
      pair: new PyTuple([forge.tensor(4), 1]),
    }),
  );
}

describe('fix --keep and --drop', () => {
  it('drops by name, key and bytes', async () => {
    const { output, plan } = await heal(sample(new Forge()), { drop: ['**.bias', 'model.head.*'] });
    expect(names(output)).toEqual(['model.encoder.0.weight', 'pair.0']);
    expect(output.storages).toHaveLength(2);
    expect(lookup(lookup(output.root, 'model') ?? null, 'note')).toBe('kept');
    expect(plan.operations).toMatchObject([{ affected: 2, noun: 'tensors' }]);
  });

  it('keeps by name what is no tensor too', async () => {
    const { output } = await heal(sample(new Forge()), { keep: ['model.encoder.**', 'pair.*'] });
    expect(names(output)).toEqual(['model.encoder.0.weight', 'model.encoder.0.bias', 'pair.0']);
    expect(lookup(output.root, 'epoch')).toBe(3);
  });

  it('asks for names as they are after extract, and before renames', async () => {
    const steps = { extract: 'model', keep: ['encoder.**'], drop: ['**.bias'], rename: ['encoder=enc'] };
    expect(names((await heal(sample(new Forge()), steps)).output)).toEqual(['enc.0.weight']);
  });

  it('treats a tensor in a shared dict as one, under all its names', async () => {
    const make = () => {
      const forge = new Forge();
      const shared = forge.dict({ w: forge.tensor(1), b: forge.tensor(2) });
      return forge.checkpoint(forge.dict({ model: shared, ema: shared }));
    };
    expect(names((await heal(make(), { keep: ['ema.w'] })).output)).toEqual(['model.w', 'ema.w']);
    expect(names((await heal(make(), { drop: ['ema.w'] })).output)).toEqual(['model.b', 'ema.b']);
  });

  it('refuses to take an item out of a tuple, and to keep nothing', async () => {
    await expect(heal(sample(new Forge()), { drop: ['pair.0'] })).rejects.toThrow(
      'tensor pair.0 stands in a list or among arguments',
    );
    const forge = new Forge();
    await expect(heal(forge.checkpoint(forge.dict({ a: forge.tensor(1) })), { keep: ['b'] })).rejects.toThrow(
      'no tensor has such a name',
    );
  });

  it('says where nothing is meant', async () => {
    const { plan } = await heal(sample(new Forge()), { drop: ['nothing.*'] });
    expect(plan.operations).toMatchObject([{ affected: 0, notes: ['no tensor is meant'] }]);
  });
});
