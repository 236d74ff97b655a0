import { describe, expect, it } from 'vitest';
import { reduced } from '../../src/pickle/python2.ts';
import { EMPTY_TUPLE, entriesOf, PyGlobal, PyList, PyTuple, type Value } from '../../src/pickle/values.ts';

const ordered = new PyGlobal('collections', 'OrderedDict');
const called = (callable: Value, ...args: Value[]) => reduced(callable, new PyTuple(args), 7);

describe('an OrderedDict of Python 2', () => {
  it.each([PyList, PyTuple])('is a mapping, from pairs of any sequence', (Sequence) => {
    const dict = called(ordered, new PyList([new Sequence(['a', 1]), new Sequence(['b', 2])]));
    expect(entriesOf(dict)).toMatchObject({ keys: ['a', 'b'], values: [1, 2] });
    expect(dict).toMatchObject({ args: EMPTY_TUPLE, offset: 7 });
  });

  it('is empty where the list is', () => {
    expect(entriesOf(called(ordered, new PyList()))).toEqual({ keys: [], values: [] });
  });

  it.each<[string, Value]>([
    ['what is no pair', new PyList([new PyList(['a', 1, 2])])],
    ['what is no sequence', new PyList(['ab'])],
  ])('stays a call with %s', (_, list) => {
    const dict = called(ordered, list);
    expect(dict.args).toEqual(new PyTuple([list]));
    expect(dict.effects).toBeUndefined();
  });

  it('is no call of another name', () => {
    const list = new PyList([new PyList(['a', 1])]);
    expect(called(new PyGlobal('collections', 'deque'), list).args).toEqual(new PyTuple([list]));
  });
});
