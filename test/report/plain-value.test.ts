import { describe, expect, it } from 'vitest';
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PySet,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';
import { plainRoot } from '../../src/report/plain-value.ts';

function plain(value: Value): unknown {
  return plainRoot(new PyDict(['value'], [value]), () => true).value;
}

function object(name: string, args: Value[], over: Partial<PyObject> = {}): PyObject {
  const [module, ...rest] = name.split(/\.(?=[^.]+$)/);
  return Object.assign(
    new PyObject('reduce', new PyGlobal(module as string, rest.join('.')), new PyTuple(args)),
    over,
  );
}

describe('plainRoot', () => {
  it('says what JSON can say as it is, and the rest as strings', () => {
    expect(plain(null)).toBe(null);
    expect(plain(true)).toBe(true);
    expect(plain(12)).toBe(12);
    expect(plain(new PyFloat(0.5))).toBe(0.5);
    expect(plain(2n ** 70n)).toBe('1180591620717411303424');
    expect(plain(new PyFloat(Number.NaN))).toBe('NaN');
    expect(plain(new PyFloat(Number.NEGATIVE_INFINITY))).toBe('-Infinity');
    expect(plain(new PyBytes('bytes', new Uint8Array(5)))).toBe('… (bytes, 5 bytes)');
    expect(plain(new PyGlobal('torch', 'float32'))).toBe('torch.float32');
  });

  it('turns containers into lists and mappings', () => {
    expect(plain(new PyTuple([1, new PyList([2, new PySet(false, [3])])]))).toEqual([1, [2, [3]]]);
    expect(plain(new PyDict([1, null, new PyTuple([1, 'a']), '__proto__'], ['a', 'b', 'c', 'd']))).toEqual(
      Object.assign(Object.create(null), { 1: 'a', None: 'b', "(1, 'a')": 'c', ['__proto__']: 'd' }),
    );
    const ordered = object('collections.OrderedDict', [], {
      effects: [{ op: 'set', keys: ['a'], values: [1] }],
    });
    expect(plain(ordered)).toEqual({ a: 1 });
  });

  it('names the class of an object and gives its arguments, attributes and items', () => {
    const state = new PyDict(['lr'], [new PyFloat(0.1)]);
    expect(plain(object('argparse.Namespace', [], { effects: [{ op: 'build', state }] }))).toEqual({
      __class__: 'argparse.Namespace',
      lr: 0.1,
    });
    expect(plain(object('torch.device', ['cuda', 0]))).toEqual({
      __class__: 'torch.device',
      __args__: ['cuda', 0],
    });
    const old = object('copy_reg._reconstructor', [new PyGlobal('config', 'Config'), null, null], {
      effects: [{ op: 'build', state }],
    });
    expect(plain(old)).toEqual({ __class__: 'config.Config', lr: 0.1 });
    const counter = object('collections.Counter', [], { effects: [{ op: 'set', keys: ['a'], values: [2] }] });
    expect(plain(counter)).toEqual({ __class__: 'collections.Counter', __items__: { a: 2 } });
  });

  it('cuts long strings, lists and mappings, and says how much is left out', () => {
    expect(plain('x'.repeat(2000))).toBe(`${'x'.repeat(1000)}… (2000 characters)`);
    const list = plain(new PyList(Array.from({ length: 150 }, (_, i) => i))) as unknown[];
    expect(list).toHaveLength(101);
    expect(list.at(-1)).toBe('… 50 more');
    const keys = Array.from({ length: 150 }, (_, i) => `k${i}`);
    expect(plain(new PyDict(keys, keys))).toMatchObject({ k99: 'k99', '…': '50 more' });
  });

  it('ends, for values that contain themselves and for containers shared many times over', () => {
    const self = new PyList();
    self.items.push(self, 1);
    expect(JSON.stringify(plain(self))).toContain('"…"');
    let doubled: Value = new PyList([1]);
    for (let i = 0; i < 60; i++) doubled = new PyList([doubled, doubled]);
    expect(JSON.stringify(plain(doubled)).length).toBeLessThan(100_000);
    const wide = new PyList(Array.from({ length: 100 }, () => new PyList(new Array(100).fill(7))));
    const widest = new PyList(new Array(100).fill(wide));
    expect(JSON.stringify(plain(widest)).length).toBeLessThan(100_000);
  });

  it('keeps only the keys that are asked for', () => {
    expect(plainRoot(new PyDict(['a', 1], ['x', 'y']), (segment) => segment !== 'a')).toEqual({ 1: 'y' });
  });
});
