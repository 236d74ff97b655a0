import { expect, it } from 'vitest';
import { eachChild, heldBy, segmentOf } from '../../src/checkpoint/children.ts';
import {
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  type PyNode,
  PyObject,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';

function segmentsOf(node: PyNode): (string | number)[] {
  const segments: (string | number)[] = [];
  eachChild(node, (child, segment, held, index, keys) => {
    segments.push(segment);
    if (!held) return;
    expect(held[index as number]).toBe(child);
    if (keys) expect(keys).toHaveLength(held.length);
  });
  return segments;
}

const ordered = new PyGlobal('collections', 'OrderedDict');
const model = new PyGlobal('models', 'Net');

function object(callable: PyGlobal, args: Value, effects: PyObject['effects'], kwargs?: Value): PyObject {
  const made = new PyObject('reduce', callable, args, 0, kwargs);
  made.effects = effects;
  return made;
}

it('names what nodes hold, as Python would print the keys', () => {
  const keys = ['a', 7, null, true, new PyFloat(2), new PyTuple(['x', 1]), new PyList()];
  const dict = new PyDict(
    keys,
    keys.map((_, index) => index),
  );
  expect(segmentsOf(dict)).toEqual(['a', 7, 'None', 'True', '2.0', "('x', 1)", '<list key 6>']);
  expect(segmentsOf(new PyTuple([1, 2]))).toEqual([0, 1]);
  expect(segmentsOf(new PyFloat(1))).toEqual([]);
});

it('tells arguments, items and attributes of objects apart', () => {
  const items = { op: 'set', keys: ['w'], values: [1] } as const;
  const state = { op: 'build', state: new PyDict(['_metadata'], [2]) } as const;
  const made = [structuredClone(items), { ...state }] as PyObject['effects'];
  expect(segmentsOf(object(ordered, new PyTuple([0]), made))).toEqual(['()0', 'w', '@_metadata']);
  // what sets items is a mapping; what sets none has attributes alone
  expect(segmentsOf(object(model, new PyTuple([]), [{ ...state }] as PyObject['effects']))).toEqual([
    '_metadata',
  ]);
  const rare = object(
    model,
    5,
    [
      { op: 'append', items: [3, 4] },
      { op: 'build', state: 6 },
    ],
    9,
  );
  expect(segmentsOf(rare)).toEqual(['()', '()**', 0, 1, '@state']);
});

it('gives the lists that the node itself holds', () => {
  const list = new PyList([1, 2, 3]);
  const [held] = heldBy(list);
  expect(held?.values).toBe(list.items);
  expect(held && segmentOf(held, 2)).toBe(2);
});
