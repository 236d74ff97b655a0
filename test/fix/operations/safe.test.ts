import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/formats/open.ts';
import {
  type Effect,
  lookup,
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PySet,
  PyTuple,
  type Value,
} from '../../../src/pickle/values.ts';
import { contents, Forge, heal, names } from '../../support/forge.ts';

const forge = new Forge();

function newObject(name: string, args: Value[], state?: Value): PyObject {
  const { callable } = forge.call(name);
  const object = new PyObject('newobj', callable, new PyTuple(args));
  if (state !== undefined) object.effects = [{ op: 'build', state }];
  return object;
}

function withEffects(object: PyObject, ...effects: Effect[]): PyObject {
  object.effects = effects;
  return object;
}

function numpyDtype(code: string, order = '<'): PyObject {
  const dtype = forge.call('numpy.dtype', code, false, true);
  dtype.effects = [{ op: 'build', state: new PyTuple([3, order, null, null, null, -1, -1, 0]) }];
  return dtype;
}

function scalar(code: string, bytes: Uint8Array, order = '<'): PyObject {
  return forge.call('numpy._core.multiarray.scalar', numpyDtype(code, order), new PyBytes('bytes', bytes));
}

function array(code: string, shape: number[], bytes: Uint8Array, fortran = false): PyObject {
  const made = forge.call(
    'numpy._core.multiarray._reconstruct',
    new PyGlobal('numpy', 'ndarray'),
    new PyTuple([0]),
    new PyBytes('bytes', Uint8Array.of(98)),
  );
  made.effects = [
    {
      op: 'build',
      state: new PyTuple([1, new PyTuple(shape), numpyDtype(code), fortran, new PyBytes('bytes', bytes)]),
    },
  ];
  return made;
}

const raw = (values: Float64Array | Float32Array | BigInt64Array | Int16Array) =>
  new Uint8Array(values.buffer);

async function made(value: Value): Promise<Value | undefined> {
  const own = new Forge();
  const checkpoint = own.checkpoint(own.dict({ value, w: own.tensor(1) }));
  const { output } = await heal(checkpoint, { safe: true });
  expect(output.globals.filter(({ weightsOnly }) => !weightsOnly)).toEqual([]);
  return lookup(output.root, 'value');
}

describe('fix --safe', () => {
  it.each<[string, Value, Value]>([
    ['a float64', scalar('f8', raw(Float64Array.of(0.1))), new PyFloat(0.1)],
    ['a float32', scalar('f4', raw(Float32Array.of(0.1))), new PyFloat(Math.fround(0.1))],
    ['a float16', scalar('f2', Uint8Array.of(0, 0x3c)), new PyFloat(1)],
    ['a big-endian int16', scalar('i2', Uint8Array.of(1, 0), '>'), 256],
    ['an int64 beyond 2^53', scalar('i8', raw(BigInt64Array.of(2n ** 60n))), 2n ** 60n],
    ['an int64', scalar('i8', raw(BigInt64Array.of(-3n))), -3],
    ['a bool', scalar('b1', Uint8Array.of(1)), true],
    ['a text', scalar('U3', Uint8Array.of(104, 0, 0, 0, 105, 0, 0, 0, 0, 0, 0, 0)), 'hi'],
    ['a path', forge.call('pathlib.PosixPath', '/', 'data', 'x.pth'), '/data/x.pth'],
    ['a relative path', forge.call('pathlib._local.PosixPath', 'runs', '1'), 'runs/1'],
    ['an empty path', forge.call('pathlib.PurePosixPath'), '.'],
    ['a Windows path', forge.call('pathlib.WindowsPath', 'C:\\', 'x', 'y'), 'C:\\x\\y'],
    ['an enum member', forge.call('config.Mode', 'fast'), 'fast'],
    ['the version of torch', newObject('torch.torch_version.TorchVersion', ['2.13.0']), '2.13.0'],
    [
      'a deque',
      withEffects(forge.call('collections.deque'), { op: 'append', items: [1, 2] }),
      new PyList([1, 2]),
    ],
    ['a deque of old Pythons', forge.call('collections.deque', new PyList([1]), 5), new PyList([1])],
  ])('makes %s plain', async (_, value, expected) => {
    expect(await made(value)).toEqual(expected);
  });

  it.each<[string, Value, Record<string, Value>]>([
    ['a Namespace', newObject('argparse.Namespace', [], forge.dict({ lr: 1 })), { lr: 1 }],
    [
      'a subclass of dict',
      Object.assign(newObject('easydict.EasyDict', []), {
        effects: [{ op: 'set', keys: ['a'], values: [2] }],
      }),
      { a: 2 },
    ],
    [
      'a subclass of dict that keeps its items as attributes too',
      withEffects(
        newObject('easydict.EasyDict', []),
        { op: 'set', keys: ['a', 'b'], values: [2, new PyFloat(0.5)] },
        { op: 'build', state: forge.dict({ a: 2, b: new PyFloat(0.5) }) },
      ),
      { a: 2, b: new PyFloat(0.5) },
    ],
    [
      'a subclass of OrderedDict',
      withEffects(forge.call('configs.Config'), { op: 'set', keys: ['a'], values: [2] }),
      { a: 2 },
    ],
    [
      'a defaultdict',
      Object.assign(forge.call('collections.defaultdict', new PyGlobal('__builtin__', 'list')), {
        effects: [{ op: 'set', keys: ['a'], values: [2] }],
      }),
      { a: 2 },
    ],
  ])('makes %s a dict', async (_, value, expected) => {
    const dict = (await made(value)) as PyDict;
    expect(dict).toBeInstanceOf(PyDict);
    expect(Object.fromEntries(dict.keys.map((key, index) => [key, dict.values[index]]))).toEqual(expected);
  });

  it('makes named tuples tuples and frozensets sets, what stands in them too', async () => {
    const point = newObject('geometry.Point', [scalar('i8', raw(BigInt64Array.of(4n))), new PyFloat(2)]);
    expect(await made(point)).toEqual(new PyTuple([4, new PyFloat(2)]));
    const set = (await made(new PySet(true, ['a']))) as PyObject;
    expect(set.args).toEqual(new PyTuple([new PyList(['a'])]));
  });

  it('makes arrays tensors on their bytes', async () => {
    const own = new Forge();
    const root = own.dict({
      c: array('f4', [2, 3], raw(Float32Array.of(1, 2, 3, 4, 5, 6))),
      f: array('i2', [2, 2], raw(Int16Array.of(1, 2, 3, 4)), true),
      nothing: array('f8', [0, 2], new Uint8Array()),
    });
    const { output, plan } = await heal(own.checkpoint(root), { safe: true });
    expect(await contents(output)).toEqual({ c: [1, 2, 3, 4, 5, 6], f: [1, 3, 2, 4], nothing: [] });
    expect(output.tensors.map(({ dtype }) => dtype.name)).toEqual(['float32', 'int16', 'float64']);
    expect(plan.operations).toMatchObject([{ affected: 3, notes: ['3 numpy arrays become tensors'] }]);
  });

  it('takes XLA tensors, cast as torch would cast their arrays', async () => {
    const own = new Forge();
    const tensor = (dtype: string) =>
      own.dict({
        x: own.call(
          'torch._utils._rebuild_device_tensor_from_numpy',
          array('f4', [1], raw(Float32Array.of(3))),
          new PyGlobal('torch', dtype),
          'xla:0',
          true,
        ),
      });
    const { output } = await heal(own.checkpoint(tensor('float32')), { safe: true });
    expect(await contents(output)).toEqual({ x: [3] });
    expect(output.tensors[0]?.requiresGrad).toBe(true);
    const cast = await heal(own.checkpoint(tensor('bfloat16')), { safe: true });
    expect(cast.output.tensors[0]?.dtype.name).toBe('bfloat16');
    expect(await contents(cast.output)).toEqual({ x: [0x4040] });
    await expect(heal(own.checkpoint(tensor('int8')), { safe: true })).rejects.toThrow(
      'torch._utils._rebuild_device_tensor_from_numpy (at x)',
    );
  });

  it('writes empty bytes as torch takes them', async () => {
    const encoded = (await made(new PyBytes('bytes', new Uint8Array()))) as PyObject;
    expect(encoded.args).toEqual(new PyTuple(['', 'latin1']));
  });

  it.each<[string, Value, string]>([
    ['a class of somebody', newObject('models.Net', [], forge.dict({ a: 1 })), 'models.Net (at value)'],
    ['a call that runs things', forge.call('posix.system', 'true'), 'posix.system (at value)'],
    ['a slice', forge.call('__builtin__.slice', 1, 2, null), 'builtins.slice (at value)'],
    ['an array of objects', array('O8', [1], new Uint8Array(8)), 'numpy'],
    ['a frozenset as a key', new PyDict([new PySet(true, ['a'])], [1]), 'builtins.frozenset'],
    [
      'a frozenset in a tuple that is a key',
      new PyDict([new PyTuple([forge.call('__builtin__.frozenset', new PyList(['a'])), 1])], [1]),
      'builtins.frozenset',
    ],
    [
      'frozensets in a set',
      forge.call('__builtin__.set', new PyList([forge.call('__builtin__.frozenset', new PyList(['a']))])),
      'builtins.frozenset',
    ],
    [
      'a path beside its own text',
      new PyDict(['a', forge.call('pathlib.PosixPath', 'a')], [1, 2]),
      "a second key 'a' in one dict or set",
    ],
    [
      'members of two enums with one value',
      new PyDict([forge.call('config.Mode', 1), forge.call('config.Kind', 1)], [1, 2]),
      'a second key 1 in one dict or set',
    ],
    ['an int that takes an opcode too many', 2n ** 2040n, 'an int of more than 255 bytes'],
    [
      'a subclass of dict with attributes of its own',
      withEffects(
        newObject('yacs.config.CfgNode', []),
        { op: 'set', keys: ['a'], values: [2] },
        { op: 'build', state: forge.dict({ frozen: true }) },
      ),
      'yacs.config.CfgNode (at value)',
    ],
  ])('refuses %s', async (_, value, words) => {
    const own = new Forge();
    await expect(heal(own.checkpoint(own.dict({ value })), { safe: true })).rejects.toThrow(words);
  });

  it('keeps keys apart that stay apart', async () => {
    const keys = [forge.call('pathlib.PosixPath', 'a'), 'b', scalar('i8', raw(BigInt64Array.of(3n)))];
    expect(await made(new PyDict(keys, [1, 2, 3]))).toEqual(new PyDict(['a', 'b', 3], [1, 2, 3]));
  });

  it('refuses a tuple that holds itself', async () => {
    const checkpoint = await openCheckpoint('fixtures/clean/recursive_tuple.pt');
    await expect(heal(checkpoint, { safe: true })).rejects.toThrow('a tuple or object holds itself');
    await checkpoint.close();
  });

  it('says where nothing is to be done', async () => {
    const own = new Forge();
    const { plan } = await heal(own.checkpoint(own.stateDict({ w: own.tensor(1) }, { '': 1 })), {
      safe: true,
    });
    expect(plan.operations).toMatchObject([
      { affected: 0, notes: ['weights_only takes every value already'] },
    ]);
    expect(names(plan)).toEqual(['w']);
  });
});
