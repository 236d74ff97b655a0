import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixCheckpoint } from '../../../src/fix/fix.ts';
import { openCheckpoint } from '../../../src/formats/open.ts';
import {
  lookup,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PyTuple,
  stateOf,
  type Value,
} from '../../../src/pickle/values.ts';
import { contents, Forge, heal, names } from '../../support/forge.ts';

const EMPTY = new PyTuple([]);

/** A pickled module, as protocol 2 has it. */
function module(
  forge: Forge,
  parts: {
    parameters?: Record<string, Value>;
    buffers?: Record<string, Value>;
    unsaved?: string[];
    modules?: Record<string, Value>;
  },
): PyObject {
  const object = new PyObject('newobj', new PyGlobal('models', 'Net'), EMPTY);
  const unsaved = new PyObject(
    'reduce',
    new PyGlobal('__builtin__', 'set'),
    new PyTuple([new PyList(parts.unsaved ?? [])]),
  );
  const state = new PyDict(
    ['training', '_parameters', '_buffers', '_non_persistent_buffers_set', '_modules'],
    [
      true,
      forge.stateDict(parts.parameters ?? {}),
      forge.dict(parts.buffers ?? {}),
      unsaved,
      forge.stateDict(parts.modules ?? {}),
    ],
  );
  object.effects = [{ op: 'build', state }];
  return object;
}

describe('fix --weights', () => {
  it('takes the state_dict of a Lightning checkpoint, _metadata and all', async () => {
    const forge = new Forge();
    const stateDict = forge.stateDict({ 'model.fc.weight': forge.tensor(1), flag: 2 }, { '': 9 });
    const root = forge.dict({
      epoch: 3,
      'pytorch-lightning_version': '2.6.6',
      optimizer_states: new PyList([
        forge.dict({ param_groups: new PyList(), state: forge.dict({ m: forge.tensor(5) }) }),
      ]),
      state_dict: stateDict,
      hyper_parameters: new PyObject('newobj', new PyGlobal('argparse', 'Namespace'), EMPTY),
    });
    const { output, plan } = await heal(forge.checkpoint(root), { weights: true });
    expect(names(output)).toEqual(['model.fc.weight']);
    expect(lookup(output.root, 'flag')).toBe(2);
    expect(lookup(lookup(stateOf(output.root as PyObject) ?? null, '_metadata') ?? null, '')).toBe(9);
    expect(output.globals.every(({ weightsOnly }) => weightsOnly)).toBe(true);
    expect(output.storages).toHaveLength(1);
    expect(plan.operations[0]?.notes).toEqual([
      "the state_dict at 'state_dict'",
      '1 tensors beside it are left out',
    ]);
  });

  it('walks a pickled module as state_dict() does', async () => {
    const forge = new Forge();
    const shared = forge.graph.parameter(forge.tensor(1, 2), true);
    const inner = module(forge, {
      parameters: { weight: shared, bias: null },
      buffers: { mean: forge.tensor(3), scratch: forge.tensor(4) },
      unsaved: ['scratch'],
    });
    const root = module(forge, {
      parameters: { scale: forge.graph.parameter(forge.tensor(5), true) },
      modules: { first: inner, none: null, tied: module(forge, { parameters: { weight: shared } }) },
    });
    const { output } = await heal(forge.checkpoint(root), { weights: true });
    expect(await contents(output)).toEqual({
      scale: [5],
      'first.weight': [1, 2],
      'first.mean': [3],
      'tied.weight': [1, 2],
    });
    const [first, tied] = ['first.weight', 'tied.weight'].map((name) =>
      output.tensors.find((t) => t.name === name),
    );
    expect(first?.storage).toBe(tied?.storage);
    expect(output.tensors.every(({ kind, requiresGrad }) => kind === 'tensor' && !requiresGrad)).toBe(true);
    expect(output.globals.map(({ name }) => name)).not.toContain('models.Net');
  });

  it('takes the model of a YOLO checkpoint, and its moving average where the model is gone', async () => {
    const make = (model: boolean) => {
      const forge = new Forge();
      const net = (value: number) => module(forge, { parameters: { w: forge.tensor(value) } });
      return forge.checkpoint(
        forge.dict({ epoch: -1, model: model ? net(1) : null, ema: net(2), optimizer: null }),
      );
    };
    const whole = await heal(make(true), { weights: true });
    expect(await contents(whole.output)).toEqual({ w: [1] });
    expect(whole.plan.operations[0]?.notes).toContain(
      'other weights are left out: ema (--extract ema --weights takes those)',
    );
    expect(await contents((await heal(make(false), { weights: true })).output)).toEqual({ w: [2] });
    const steps = { extract: 'ema', weights: true };
    expect(await contents((await heal(make(true), steps)).output)).toEqual({ w: [2] });
  });

  it.each([
    ['timm', ['state_dict', 'state_dict_ema', 'arch']],
    ['fairseq', ['args', 'model', 'extra_state']],
    ['DeepSpeed', ['module', 'buffer_names', 'ds_version']],
    ['a plain trainer', ['epoch', 'model', 'optimizer']],
  ])('takes the weights of %s', async (_, keys) => {
    const forge = new Forge();
    const entries = keys.map((key): [string, Value] => [
      key,
      /state_dict|model|module/.test(key) ? forge.stateDict({ 'a.w': forge.tensor(key.length) }) : 1,
    ]);
    const { output } = await heal(forge.checkpoint(forge.dict(Object.fromEntries(entries))), {
      weights: true,
    });
    const first = keys.find((key) => /^(state_dict|model|module)$/.test(key)) as string;
    expect(await contents(output)).toEqual({ 'a.w': [first.length] });
  });

  it('goes down more than one step, and keeps a state_dict whose keys only sound like a trainer', async () => {
    const forge = new Forge();
    const nested = forge.dict({
      checkpoint: forge.dict({ model: forge.dict({ state_dict: forge.dict({ 'a.w': forge.tensor(1) }) }) }),
    });
    expect(names((await heal(forge.checkpoint(nested), { weights: true })).output)).toEqual(['a.w']);
    const flat = new Forge();
    const own = flat.dict({ 'model.weight': flat.tensor(1), weights: flat.tensor(2) });
    const { plan } = await heal(flat.checkpoint(own), { weights: true });
    expect(plan.operations).toMatchObject([{ affected: 0, notes: ['the root is a state_dict already'] }]);
  });

  it('joins modules that stand beside each other, and refuses to choose between state_dicts', async () => {
    const forge = new Forge();
    const net = (value: number) => module(forge, { parameters: { w: forge.tensor(value) } });
    const list = forge.checkpoint(new PyList([net(1), net(2)]));
    expect(await contents((await heal(list, { weights: true })).output)).toEqual({ '0.w': [1], '1.w': [2] });
    const other = new Forge();
    const two = other.dict({
      actor: other.dict({ 'a.w': other.tensor(1) }),
      critic: other.dict({ 'a.w': other.tensor(2) }),
    });
    await expect(heal(other.checkpoint(two), { weights: true })).rejects.toThrow(
      '2 places hold tensors of a model: actor, critic; take one with --extract <path>',
    );
    await expect(heal(new Forge().checkpoint(new Forge().dict({ a: 1 })), { weights: true })).rejects.toThrow(
      'no tensor',
    );
  });

  it('joins the state_dicts of a list, as cascaded models are saved', async () => {
    const forge = new Forge();
    const parts = [1, 2].map((value) => forge.stateDict({ 'fc.weight': forge.tensor(value) }));
    const root = forge.dict({ state_dict: new PyList(parts), sampler: new PyList([forge.tensor(3)]) });
    const { output, plan } = await heal(forge.checkpoint(root), { weights: true });
    expect(await contents(output)).toEqual({ '0.fc.weight': [1], '1.fc.weight': [2] });
    expect(lookup(output.root, '1.fc.weight')).toBeDefined();
    expect(plan.operations[0]?.notes).toContain(
      '2 state_dicts of a list become one, as a ModuleList of them has it',
    );
  });

  it('takes the packed weights of a quantized TorchScript module', async () => {
    const output = path.join(mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-')), 'weights.pth');
    await fixCheckpoint('fixtures/containers/quantized.pt', { weights: true, output });
    const { tensors, close } = await openCheckpoint(output);
    expect(tensors.map(({ kind }) => kind)).toEqual(['quantized', 'tensor']);
    await close();
    rmSync(path.dirname(output), { recursive: true });
  });

  it('says that the placeholders of DeepSpeed stage 3 are none of the weights', async () => {
    const forge = new Forge();
    const root = forge.dict({
      module: forge.dict({ 'a.w': forge.tensor(), 'b.w': forge.tensor(), 'c.w': forge.tensor(1) }),
    });
    const { plan } = await heal(forge.checkpoint(root), { weights: true });
    expect(plan.operations[0]?.notes.at(-1)).toContain('2 of 3 tensors are empty');
  });
});
