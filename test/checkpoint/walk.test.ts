import { describe, expect, it } from 'vitest';
import { pathName } from '../../src/checkpoint/path.ts';
import { pathOf, walkNodes } from '../../src/checkpoint/walk.ts';
import { PyDict, PyList, type PyNode, PySet, PyTuple, type Value } from '../../src/pickle/values.ts';
import { call, dict, instance, orderedDict } from '../support/checkpoint-builder.ts';

function namesIn(root: Value, leaves?: { has(node: PyNode): boolean }): string[] {
  const names: string[] = [];
  walkNodes(
    root,
    (_node, place) => {
      names.push(pathName(pathOf(place)));
      return undefined;
    },
    leaves,
  );
  return names;
}

describe('walkNodes', () => {
  it('visits parents first, in the order of the stream', () => {
    const root = dict({
      b: new PyList([new PyTuple([1]), 2, dict({})]),
      a: new PySet(false, [new PyTuple([3])]),
    });
    expect(namesIn(root)).toEqual(['', 'b', 'b.0', 'b.2', 'a', 'a.0']);
  });

  it('names arguments, attributes and attributes of mappings apart', () => {
    const mapping = orderedDict({ weight: new PyList() });
    mapping.effects?.push({ op: 'build', state: dict({ _metadata: dict({}) }) });
    const root = dict({
      model: instance('models.Net', { _modules: mapping }),
      called: call('f.g', new PyList()),
    });
    expect(namesIn(root)).toEqual(
      expect.arrayContaining(['model._modules.weight', 'model._modules.@_metadata', 'called.()0']),
    );
  });

  it('visits a shared node where it stands first, and comes back from a cycle', () => {
    const list = new PyList();
    list.items.push(list);
    expect(namesIn(dict({ first: list, second: list }))).toEqual(['', 'first']);
  });

  it('does not enter what the visitor declines, and does not visit leaves', () => {
    const inner = dict({ deep: new PyList() });
    const leaf = new PyList();
    const seen: PyNode[] = [];
    walkNodes(
      new PyList([inner, leaf]),
      (node) => {
        seen.push(node);
        return node !== inner;
      },
      new Set([leaf]),
    );
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBe(inner);
  });

  it('names keys that are no strings as Python shows them', () => {
    const root = new PyDict([7, null, new PyTuple([1])], [new PyList(), new PyList(), new PyList()]);
    expect(namesIn(root)).toEqual(['', '7', 'None', '(1,)']);
  });

  it('goes a hundred thousand levels down', () => {
    let root: Value = new PyList();
    for (let i = 0; i < 100_000; i++) root = new PyList([root]);
    let visited = 0;
    walkNodes(root, () => {
      visited++;
      return undefined;
    });
    expect(visited).toBe(100_001);
  });
});
