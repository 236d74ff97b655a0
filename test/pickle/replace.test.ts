import { describe, expect, it } from 'vitest';
import { replaceNodes } from '../../src/pickle/replace.ts';
import {
  EMPTY_TUPLE,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';

const old = new PyFloat(1);

function object(): PyObject {
  const made = new PyObject('newobj-ex', old, new PyTuple([old]), 0, new PyDict(['k'], [old]));
  made.effects = [
    { op: 'set', keys: [old], values: [old] },
    { op: 'append', items: [old] },
    { op: 'build', state: old },
  ];
  return made;
}

describe('replacing nodes', () => {
  it.each<[string, () => Value]>([
    ['the root', () => old],
    ['items', () => new PyTuple([old, new PyList([old, new PySet(false, [old])])])],
    ['keys and values', () => new PyDict([old, 'a'], [1, old])],
    ['a persistent id', () => new PyPersistent(new PyTuple(['x', old]))],
    ['callable, arguments, keywords and effects', object],
  ])('reaches %s', (_, build) => {
    const root = replaceNodes(build(), (node) => (node === old ? 'new' : undefined));
    let left = 0;
    replaceNodes(root, (node) => {
      if (node === old) left++;
      return undefined;
    });
    expect(left).toBe(0);
    expect(JSON.stringify(root)).toContain('new');
  });

  it('puts one value for a node that stands in many places, and asks once', () => {
    const shared = new PyList([1]);
    let asked = 0;
    const root = replaceNodes(new PyTuple([shared, new PyList([shared])]), (node) => {
      if (node !== shared) return undefined;
      asked++;
      return new PyGlobal('a', 'b');
    }) as PyTuple;
    expect(asked).toBe(1);
    expect((root.items[1] as PyList).items[0]).toBe(root.items[0]);
  });

  it('ends on graphs that hold themselves, and leaves the empty tuple alone', () => {
    const loop = new PyList([EMPTY_TUPLE]);
    loop.items.push(loop);
    expect(replaceNodes(loop, () => undefined)).toBe(loop);
  });
});
