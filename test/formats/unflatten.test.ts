import { describe, expect, it } from 'vitest';
import { Unflattened } from '../../src/formats/unflatten.ts';
import { PyDict, PyList } from '../../src/pickle/values.ts';

describe('values at paths', () => {
  it('become nested dicts and lists', () => {
    const tree = new Unflattened(10);
    expect(tree.set(['a', 'b'], 1)).toBe(true);
    expect(tree.set(['a', 'c', 1], 2)).toBe(true);
    expect(tree.set(['a', 'c', 0, 'x'], 3)).toBe(true);
    expect(tree.root).toEqual(
      new PyDict(['a'], [new PyDict(['b', 'c'], [1, new PyList([new PyDict(['x'], [3]), 2])])]),
    );
  });

  it('do not take the place of others', () => {
    const tree = new Unflattened(10);
    expect(tree.set(['a'], 1)).toBe(true);
    expect(tree.set(['a'], 2)).toBe(false);
    expect(tree.set(['a', 'b'], 2)).toBe(false);
    expect(tree.set([], 2)).toBe(false);
    expect(tree.set([0], 2)).toBe(false);
    expect(tree.root).toEqual(new PyDict(['a'], [1]));
  });

  it('make no list longer than there are values', () => {
    const tree = new Unflattened(3);
    expect(tree.set(['a', 2 ** 31], 1)).toBe(false);
    expect(tree.set(['b', -1], 1)).toBe(false);
    expect(tree.set(['c', 2], 1)).toBe(true);
  });
});
