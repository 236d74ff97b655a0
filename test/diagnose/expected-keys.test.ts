import { describe, expect, it } from 'vitest';
import { findStateDicts } from '../../src/checkpoint/state-dicts.ts';
import { diagnose } from '../../src/diagnose/engine.ts';
import { compareKeys, type ExpectedKeys, renamingFlags } from '../../src/diagnose/expected-keys.ts';
import type { Value } from '../../src/pickle/values.ts';
import { checkpointOf, dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';

const keysOf = (...names: string[]): ExpectedKeys => ({
  keys: new Map(names.map((name) => [name, { shape: [2, 3] }])),
});
const tensors = (...names: string[]) =>
  orderedDict(Object.fromEntries(names.map((name) => [name, tensor()])));
const compare = (root: Value, expected: ExpectedKeys) =>
  compareKeys(findStateDicts(checkpointOf(root)), expected);

describe('compareKeys', () => {
  it('takes the state_dict that has most keys in common, and no optimizer', () => {
    const root = dict({
      teacher: tensors('a', 'x', 'y', 'z'),
      model: tensors('a', 'b'),
      optimizer: dict({ state: tensors('a', 'b', 'c'), param_groups: dict({}) }),
    });
    const { stateDict, missing, unexpected } = compare(root, keysOf('a', 'b', 'c'));
    expect(stateDict?.path).toEqual(['model']);
    expect({ missing, unexpected }).toEqual({ missing: ['c'], unexpected: [] });
  });

  it('takes the largest where none has a key in common, and tells where there is none', () => {
    const root = dict({ small: tensors('p'), large: tensors('q', 'r') });
    expect(compare(root, keysOf('a')).stateDict?.path).toEqual(['large']);
    expect(compare(dict({}), keysOf('a'))).toMatchObject({
      stateDict: undefined,
      missing: ['a'],
      unexpected: [],
    });
  });

  it.each([
    [['module.a', 'module.b.c'], ['a', 'b.c'], ['--strip-module']],
    [
      ['m.net.a', 'm.net.b', 'extra'],
      ['a', 'b'],
      ['--strip-prefix', 'm.net.'],
    ],
    [
      ['a', 'b'],
      ['module.a', 'module.b', 'module.c'],
      ['--add-prefix', 'module.'],
    ],
    [['module.a', 'b'], ['a', 'b'], []],
    [['module.a', 'other.b'], ['a', 'b'], []],
    [['xa', 'xb'], ['a', 'b'], []],
    [['a', 'b'], ['a', 'b'], []],
  ])('explains %j where %j are expected by %j', (present, wanted, flags) => {
    expect(renamingFlags(compare(tensors(...present), keysOf(...wanted)))).toEqual(flags);
  });
});

describe('expect/unexpected-key', () => {
  const fixOf = (...present: string[]) =>
    diagnose(checkpointOf(tensors(...present)), { expected: keysOf('a', 'b') }).find(
      ({ rule }) => rule === 'expect/unexpected-key',
    )?.fix;

  it('is healed by a prefix only where that leaves nothing unexpected', () => {
    expect(fixOf('m.a', 'm.b')).toEqual(['--strip-prefix', 'm.']);
    expect(fixOf('m.a', 'm.b', 'm.c')).toEqual([]);
    expect(fixOf('a', 'b', 'c')).toEqual([]);
  });
});

describe('expect/dtype-mismatch', () => {
  const fixOf = (found: string[], wanted: string[]) => {
    const keys = new Map(wanted.map((dtype, index) => [`${index}.weight`, { shape: [2, 3], dtype }]));
    const held = Object.fromEntries(found.map((dtype, index) => [`${index}.weight`, tensor({ dtype })]));
    return diagnose(checkpointOf(orderedDict(held)), { expected: { keys } }).find(
      ({ rule }) => rule === 'expect/dtype-mismatch',
    )?.fix;
  };

  it('names a cast only where it is exact and makes all of them right', () => {
    const cast = ['--dtype', 'float32'];
    expect(fixOf(['float16', 'float32'], ['float32', 'float32'])).toEqual(cast);
    expect(fixOf(['bfloat16', 'int64'], ['float32', 'int64'])).toEqual(cast);
    expect(fixOf(['float16', 'float16'], ['float32', 'float16'])).toEqual([]);
    expect(fixOf(['float64'], ['float32'])).toEqual([]);
    expect(fixOf(['float16', 'int32'], ['float32', 'int64'])).toEqual([]);
    expect(fixOf(['float32'], ['float16'])).toEqual([]);
    expect(fixOf(['float16', 'float16'], ['float32', 'int64'])).toEqual([]);
  });
});

describe('expect/shape-mismatch', () => {
  const messageOf = (shapes: Record<string, number[]>, wanted: Record<string, number[]>) =>
    diagnose(
      checkpointOf(
        orderedDict(
          Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, tensor({ shape })])),
        ),
      ),
      { expected: { keys: new Map(Object.entries(wanted).map(([key, shape]) => [key, { shape }])) } },
    ).find(({ rule }) => rule === 'expect/shape-mismatch')?.message;

  it("says it in torch's words, and what it is most often about", () => {
    const text = messageOf(
      { 'fc.weight': [1000, 8], 'fc.bias': [1000] },
      { 'fc.weight': [10, 8], 'fc.bias': [10] },
    );
    expect(text).toContain(
      'size mismatch for fc.weight: copying a param with shape torch.Size([1000, 8]) from checkpoint, the shape in current model is torch.Size([10, 8])',
    );
    expect(text).toContain('Only the first dimension differs, 1000 instead of 10');
    expect(messageOf({ w: [3, 8] }, { w: [3, 9] })).not.toContain('Only the first');
  });
});
