import { describe, expect, it } from 'vitest';
import { pathName } from '../../src/checkpoint/path.ts';
import { findStateDicts, type StateDict } from '../../src/checkpoint/state-dicts.ts';
import { PyDict, PyList, type PyObject, type Value } from '../../src/pickle/values.ts';
import { checkpointOf, dict, instance, orderedDict, tensor } from '../support/checkpoint-builder.ts';

const found = (root: Value): StateDict[] => findStateDicts(checkpointOf(root));
const paths = (root: Value) => found(root).map(({ path }) => pathName(path));

describe('findStateDicts', () => {
  it('finds the root and what stands under keys and in lists', () => {
    const root = dict({
      rng: tensor({ dtype: 'uint8' }),
      state_dict: orderedDict({ w: tensor() }),
      copies: new PyList([orderedDict({ w: tensor() }), dict({ epoch: 1 })]),
    });
    expect(paths(root)).toEqual(['', 'state_dict', 'copies.0']);
  });

  it('tells the keys of tensors from the rest', () => {
    const [stateDict] = found(orderedDict({ w: tensor(), dtype: 'float32', b: tensor({ shape: [4] }) }));
    expect(stateDict?.keys).toEqual(['w', 'dtype', 'b']);
    expect(stateDict?.tensorKeys).toEqual(['w', 'b']);
    expect(stateDict?.tensors.map(({ shape }) => shape)).toEqual([[2, 3], [4]]);
  });

  it('lists a shared mapping once, and a shared tensor under each of its keys', () => {
    const weight = tensor();
    const shared = orderedDict({ w: weight, tied: weight });
    const all = found(dict({ model: shared, ema: shared }));
    expect(all.map(({ path }) => path)).toEqual([['model']]);
    expect(all[0]?.tensorKeys).toEqual(['w', 'tied']);
  });

  it('leaves mappings without string keys, and attributes, out', () => {
    expect(paths(new PyDict([0, 1], [tensor(), tensor()]))).toEqual([]);
    expect(paths(instance('models.Holder', { weight: tensor() }))).toEqual([]);
    expect(paths(instance('models.Net', { _parameters: orderedDict({ weight: tensor() }) }))).toEqual([
      '_parameters',
    ]);
  });

  it('knows what belongs to an optimizer, lists between included', () => {
    const optimizer = dict({
      state: new PyDict([0], [dict({ exp_avg: tensor() })]),
      param_groups: new PyList([dict({ lr: tensor({ shape: [] }) })]),
    });
    const root = dict({ optimizers: new PyList([optimizer]), model: orderedDict({ w: tensor() }) });
    expect(found(root).map(({ path, inOptimizer }) => [pathName(path), inOptimizer])).toEqual([
      ['optimizers.0.state.0', true],
      ['optimizers.0.param_groups.0', true],
      ['model', false],
    ]);
  });

  it('gives arrays through which the checkpoint changes, however many runs there are', () => {
    const node: PyObject = orderedDict({ a: tensor() });
    node.effects?.push({ op: 'build', state: dict({}) }, { op: 'set', keys: ['b'], values: [tensor()] });
    const [stateDict] = found(node);
    expect(stateDict?.tensorKeys).toEqual(['a', 'b']);
    for (const { keys } of stateDict?.runs ?? []) keys[0] = `x.${keys[0]}`;
    expect(found(node)[0]?.tensorKeys).toEqual(['x.a', 'x.b']);

    const plain = dict({ a: tensor() });
    for (const { keys } of found(plain)[0]?.runs ?? []) keys[0] = 'c';
    expect(plain.keys).toEqual(['c']);
  });
});
