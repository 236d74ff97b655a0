import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Draft } from '../../src/fix/draft.ts';
import type { Operation, OperationReport } from '../../src/fix/operation.ts';
import { addPrefix } from '../../src/fix/operations/add-prefix.ts';
import { mapLocation } from '../../src/fix/operations/map-location.ts';
import { stripPrefix } from '../../src/fix/operations/strip-prefix.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { RefusedError } from '../../src/io/errors.ts';
import {
  callableName,
  PyDict,
  PyGlobal,
  PyList,
  type PyObject,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';
import { tensorForm } from '../../src/torch/rebuild.ts';
import { show } from '../pickle/show.ts';
import { call, checkpointOf, dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';

/** Carries operations out on a graph, one after the other. The builder alone knows its tensors, so each gets a draft of its own. */
async function treated(root: Value, ...operations: Operation[]): Promise<OperationReport[]> {
  const reports: OperationReport[] = [];
  for (const operation of operations) reports.push(await operation.apply(new Draft(checkpointOf(root))));
  return reports;
}

/** The keys of a mapping. */
function keysOf(value: Value | undefined): Value[] {
  if (value instanceof PyDict) return value.keys;
  return (value as PyObject).effects?.flatMap((effect) => (effect.op === 'set' ? effect.keys : [])) ?? [];
}

/** The values of an OrderedDict. */
function valuesOf(node: PyObject): Value[] {
  return node.effects?.flatMap((effect) => (effect.op === 'set' ? effect.values : [])) ?? [];
}

function stateDict(keys: readonly string[]): PyObject {
  return orderedDict(Object.fromEntries(keys.map((key) => [key, tensor()])));
}

/** As `Module.state_dict()` leaves it: module names with their versions. */
function withMetadata(node: PyObject, modules: readonly string[]): PyObject {
  const metadata = orderedDict(Object.fromEntries(modules.map((name, i) => [name, dict({ version: i })])));
  node.effects?.push({ op: 'build', state: dict({ _metadata: metadata }) });
  return node;
}

function metadataOf(node: PyObject): Record<string, Value> {
  const build = node.effects?.find((effect) => effect.op === 'build');
  const metadata = (build?.op === 'build' ? (build.state as PyDict).values[0] : undefined) as PyObject;
  const set = metadata.effects?.[0];
  if (set?.op !== 'set') return {};
  return Object.fromEntries(
    set.keys.map((key, i) => [String(key), (set.values[i] as PyDict).values[0] as Value]),
  );
}

describe('stripPrefix', () => {
  it('takes the prefix off the start of keys and nowhere else', async () => {
    const root = stateDict([
      'module.conv.weight',
      'module.block.module.weight',
      'head.module.bias',
      'module',
      'module.',
    ]);
    const reports = await treated(root, stripPrefix('module.'));
    expect(keysOf(root)).toEqual([
      'conv.weight',
      'block.module.weight',
      'head.module.bias',
      'module',
      'module.',
    ]);
    expect(reports).toEqual([
      {
        name: 'strip-module',
        affected: 2,
        noun: 'keys',
        notes: ['3 keys beside them without the prefix kept as they are'],
      },
    ]);
  });

  it('reaches every state_dict of a model: nested, in lists, EMA copies, in plain dicts', async () => {
    const nested = stateDict(['module.a.weight']);
    const ema = dict({ 'module.a.weight': tensor() });
    const listed = stateDict(['module.b.weight']);
    const root = dict({ epoch: 3, model: dict({ net: nested }), ema, copies: new PyList([listed]) });
    const reports = await treated(root, stripPrefix('module.'));
    expect([nested, ema, listed].map(keysOf)).toEqual([['a.weight'], ['a.weight'], ['b.weight']]);
    expect(reports[0]).toMatchObject({ affected: 3, notes: [] });
  });

  it('renames what stands beside tensors under such keys, and no mapping without tensors', async () => {
    const names = dict({ 'module.a': 'Linear' });
    const model = orderedDict({ 'module.a.weight': tensor(), 'module.a._extra_state': dict({}) });
    await treated(dict({ model, names }), stripPrefix('module.'));
    expect(keysOf(model)).toEqual(['a.weight', 'a._extra_state']);
    expect(keysOf(names)).toEqual(['module.a']);
  });

  it('renames a mapping that stands at two places once', async () => {
    const shared = stateDict(['module.module.weight']);
    await treated(dict({ model: shared, best: shared }), stripPrefix('module.'));
    expect(keysOf(shared)).toEqual(['module.weight']);
  });

  it('leaves optimizers alone', async () => {
    const slots = new PyDict([0], [dict({ exp_avg: tensor() })]);
    const optimizer = dict({ state: slots, param_groups: new PyList([dict({ params: new PyList([0]) })]) });
    const before = show(optimizer);
    await treated(dict({ model: stateDict(['module.w']), optimizer }), stripPrefix('module.'));
    expect(show(optimizer)).toBe(before);
  });

  it('renames modules in _metadata along with the keys', async () => {
    const root = withMetadata(stateDict(['module.conv.weight', 'module.block.module.weight']), [
      '',
      'module',
      'module.conv',
      'module.block',
      'module.block.module',
    ]);
    await treated(root, stripPrefix('module.'));
    // the entry of the wrapper goes: the one of the model takes its place
    expect(metadataOf(root)).toEqual({ '': 1, conv: 2, block: 3, 'block.module': 4 });
  });

  it('leaves no entry in _metadata of a module on the way to the one inside', async () => {
    const modules = ['', '_orig_mod', '_orig_mod.module', '_orig_mod.module.conv'];
    const root = withMetadata(stateDict(['_orig_mod.module.conv.weight']), modules);
    await treated(root, stripPrefix('_orig_mod.module.'));
    expect(metadataOf(root)).toEqual({ '': 2, conv: 3 });
    const shared = withMetadata(stateDict(['net.a.weight', 'net.b.weight']), ['', 'net', 'net.a', 'net.b']);
    await treated(shared, stripPrefix('net.a.'));
    expect(metadataOf(shared)).toEqual({ '': 2, net: 1, 'net.b': 3 });
  });

  it('takes any letters, with a dot at the end or without', async () => {
    const root = withMetadata(stateDict(['netG_conv.weight']), ['', 'netG_conv']);
    await treated(root, stripPrefix('netG_'));
    expect(keysOf(root)).toEqual(['conv.weight']);
    expect(metadataOf(root)).toEqual({ '': 0, conv: 1 });
  });

  it('takes one prefix a time', async () => {
    const root = stateDict(['module.module.weight']);
    await treated(root, stripPrefix('module.'));
    expect(keysOf(root)).toEqual(['module.weight']);
  });

  it.each([
    ['in the root', (model: Value) => model, "keys 'module.weight' and 'weight' would both become 'weight'"],
    [
      'deeper',
      (model: Value) => dict({ nets: new PyList([model]) }),
      "keys 'module.weight' and 'weight' in nets.0 would both become 'weight'",
    ],
  ])('refuses to make one key of two %s, and names both', async (_where, wrap, words) => {
    const attempt = () => treated(wrap(stateDict(['module.weight', 'weight'])), stripPrefix('module.'));
    await expect(attempt()).rejects.toThrow(RefusedError);
    await expect(attempt()).rejects.toThrow(words);
  });

  it('says when there is nothing to strip', async () => {
    const reports = await treated(stateDict(['conv.weight']), stripPrefix('module.'));
    expect(reports[0]).toEqual({
      name: 'strip-module',
      affected: 0,
      noun: 'keys',
      notes: ["no key of a tensor starts with 'module.'"],
    });
    expect(() => stripPrefix('')).toThrow(RefusedError);
  });
});

describe('addPrefix', () => {
  it('goes before the keys of model state_dicts, and before their modules', async () => {
    const root = withMetadata(stateDict(['conv.weight', 'conv.bias']), ['', 'conv']);
    const reports = await treated(root, addPrefix('module.'));
    expect(keysOf(root)).toEqual(['module.conv.weight', 'module.conv.bias']);
    expect(metadataOf(root)).toEqual({ module: 0, 'module.conv': 1 });
    expect(reports).toEqual([{ name: 'add-prefix module.', affected: 2, noun: 'keys', notes: [] }]);
  });

  it('leaves optimizers and plain words beside dotted names alone', async () => {
    const model = stateDict(['conv.weight']);
    const optimizer = dict({
      state: new PyDict([0], [dict({ exp_avg: tensor() })]),
      param_groups: new PyList(),
    });
    const root = dict({ model, optimizer, rng_state: tensor({ dtype: 'uint8' }) });
    await treated(root, addPrefix('net.'));
    expect(keysOf(model)).toEqual(['net.conv.weight']);
    expect(keysOf(root)).toEqual(['model', 'optimizer', 'rng_state']);
    expect(keysOf((optimizer.values[0] as PyDict).values[0])).toEqual(['exp_avg']);
  });

  it('says when there is no state_dict, and refuses nothing', async () => {
    expect((await treated(new PyList([tensor()]), addPrefix('a.')))[0]).toMatchObject({ affected: 0 });
    expect(() => addPrefix('')).toThrow(RefusedError);
  });
});

describe('mapLocation', () => {
  const locations = async (spec: string, ...tags: string[]) => {
    const root = new PyList(tags.map((location) => tensor({ location })));
    const draft = new Draft(checkpointOf(root));
    const report = await mapLocation(spec).apply(draft);
    return { report, tags: draft.checkpoint.storages.map((storage) => draft.locationOf(storage)) };
  };

  it('gives all storages one location, or each the one of a map', async () => {
    expect(await locations('cpu', 'cuda:0', 'mps', 'cpu')).toEqual({
      tags: ['cpu', 'cpu', 'cpu'],
      report: { name: 'map-location cpu', affected: 2, noun: 'storages', notes: [] },
    });
    expect((await locations('cuda:0=cpu,cuda:1=cuda:0', 'cuda:0', 'cuda:1', 'cuda:2')).tags).toEqual([
      'cpu',
      'cuda:0',
      'cuda:2',
    ]);
    expect((await locations('cpu', 'cpu')).report.notes).toEqual(['every storage is there already']);
  });

  it('maps once what it maps twice, when it maps all to one', async () => {
    const draft = new Draft(checkpointOf(new PyList([tensor({ location: 'cuda:0' })])));
    await mapLocation('cpu').apply(draft);
    expect((await mapLocation('cpu').apply(draft)).affected).toBe(0);
  });

  it('takes the earliest tensors, which are objects of a class of CUDA, to the class of the CPU', async () => {
    const bytes = readFileSync('fixtures/legacy/earliest.pth', 'latin1').replaceAll(
      'ctorch\nFloatTensor\n',
      'ctorch.cuda\nFloatTensor\n',
    );
    const draft = new Draft(await openSource(new MemorySource(Buffer.from(bytes, 'latin1'))));
    const classes = () => draft.checkpoint.tensors.map(({ node }) => callableName(node));
    expect(classes()).toEqual(['torch.cuda.FloatTensor', 'torch.cuda.FloatTensor']);
    await mapLocation('cuda:1').apply(draft);
    expect(classes()).toEqual(['torch.cuda.FloatTensor', 'torch.cuda.FloatTensor']);
    const { affected, notes } = await mapLocation('cpu').apply(draft);
    expect([affected, notes]).toEqual([
      3,
      ['2 tensors of the classes of torch.cuda become those of the CPU'],
    ]);
    expect(classes()).toEqual(['torch.FloatTensor', 'torch.FloatTensor']);
  });

  it('maps the device that a rebuild call names', async () => {
    const xla = call(
      'torch._utils._rebuild_device_tensor_from_cpu_tensor',
      tensor(),
      new PyGlobal('torch', 'float32'),
      'xla:0',
      false,
    );
    const array = call('torch._utils._rebuild_device_tensor_from_numpy', null, null, 'xla:1', false);
    const device = call('torch.device', 'cuda', 1);
    const wrapper = call(
      'torch._tensor._rebuild_from_type_v2',
      new PyGlobal('torch._utils', '_rebuild_wrapper_subclass'),
      new PyGlobal('torch.distributed', 'DTensor'),
      new PyTuple([null, null, null, null, null, null, device]),
      dict({}),
    );
    const elsewhere = call('torch.device', 'cuda', 1);
    const trained = call(
      'torch._utils._rebuild_device_tensor_from_cpu_tensor',
      tensor(),
      new PyGlobal('torch', 'float32'),
      'xla:0',
      true,
    );
    const cast = call(
      'torch._utils._rebuild_device_tensor_from_cpu_tensor',
      tensor(),
      new PyGlobal('torch', 'float64'),
      'xla:0',
      true,
    );
    const root = new PyList([xla, array, wrapper, elsewhere, trained, cast]);
    const copy = (xla.args as PyTuple).items[0];
    const report = await mapLocation('cpu').apply(new Draft(checkpointOf(root)));
    expect(report).toMatchObject({
      affected: 5,
      notes: ['5 tensors that name their device in the rebuild call'],
    });
    // on the CPU the copy that was made there is the tensor, unless it has to be cast
    expect(root.items[0]).toBe(copy);
    expect(tensorForm(root.items[4] as Value)).toMatchObject({ requiresGrad: true });
    expect(tensorForm(root.items[4] as Value)).not.toHaveProperty('device');
    expect(root.items[5]).toBe(cast);
    expect((cast.args as PyTuple).items[2]).toBe('cpu');
    expect((array.args as PyTuple).items[2]).toBe('cpu');
    expect(show(device)).toBe('reduce <torch.device> ("cpu")');
    // a value that nothing builds a tensor on is a value
    expect(show(elsewhere)).toBe('reduce <torch.device> ("cuda", 1)');
    await mapLocation('cuda:3').apply(new Draft(checkpointOf(root)));
    expect(show(device)).toBe('reduce <torch.device> ("cuda", 3)');
  });
});

/** Keys of a model, as people write them. */
const modelKeys = fc.uniqueArray(
  fc
    .array(fc.constantFrom('module', 'encoder', 'conv', 'weight', 'bias', '0', 'é', 'module_a'), {
      minLength: 2,
      maxLength: 5,
    })
    .map((parts) => parts.join('.')),
  { minLength: 1, maxLength: 8 },
);
const prefixes = fc.constantFrom('module.', '_orig_mod.', 'model.', 'netG_', 'module.module.');

describe('laws', () => {
  it('what is added can be stripped', async () => {
    await fc.assert(
      fc.asyncProperty(modelKeys, prefixes, async (keys, prefix) => {
        const modules = ['', ...new Set(keys.map((key) => key.slice(0, key.lastIndexOf('.'))))];
        const root = withMetadata(stateDict(keys), modules);
        const before = [keysOf(root).slice(), metadataOf(root)];
        await treated(root, addPrefix(prefix), stripPrefix(prefix));
        expect([keysOf(root), metadataOf(root)]).toEqual(before);
      }),
    );
  });

  it('to strip never loses a key, and touches nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(modelKeys, prefixes, async (keys, prefix) => {
        const root = stateDict(keys);
        const values = valuesOf(root).slice();
        const expected = keys.map((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : key));
        if (new Set(expected).size < expected.length) {
          await expect(treated(root, stripPrefix(prefix))).rejects.toThrow(RefusedError);
          expect(keysOf(root)).toEqual(keys);
        } else {
          await treated(root, stripPrefix(prefix));
          expect(keysOf(root)).toEqual(expected);
        }
        expect(valuesOf(root)).toEqual(values);
      }),
    );
  });
});

describe('on files of a real torch', () => {
  const keysAfter = async (file: string, ...operations: Operation[]) => {
    const checkpoint = await openCheckpoint(`fixtures/${file}`);
    const draft = new Draft(checkpoint);
    const reports: OperationReport[] = [];
    for (const operation of operations) reports.push(await operation.apply(draft));
    await checkpoint.close();
    return { names: draft.checkpoint.tensors.map(({ name }) => name), reports, draft };
  };

  it('strips partial prefixes and says how many keys had none', async () => {
    const { names, reports } = await keysAfter('broken/prefix_partial.pth', stripPrefix('module.'));
    expect(names.some((name) => name.startsWith('module.'))).toBe(false);
    expect(reports[0]?.notes[0]).toMatch(/^\d+ keys? beside them without the prefix kept as they are$/);
  });

  it('strips nested copies, and not the optimizer beside them', async () => {
    const { names } = await keysAfter('broken/ddp_cuda.pth', stripPrefix('module.'));
    expect(names).toContain('state_dict.conv1.weight');
    expect(names.filter((name) => name.startsWith('optimizer')).length).toBeGreaterThan(0);
    expect((await keysAfter('broken/prefix_nested.pth', stripPrefix('module.'))).names.join()).not.toContain(
      'module.',
    );
  });

  it('keeps names of inner modules', async () => {
    const before = await keysAfter('clean/inner_module_names.pth');
    const after = await keysAfter('clean/inner_module_names.pth', stripPrefix('module.'));
    expect(after.names).toEqual(before.names);
    expect(after.names.join()).toContain('.module.');
  });

  it('refuses a collision', async () => {
    await expect(keysAfter('broken/prefix_collision.pth', stripPrefix('module.'))).rejects.toThrow(
      /'module\.weight' and 'weight'|'weight' and 'module\.weight'/,
    );
  });
});
