import { describe, expect, it } from 'vitest';
import {
  type ModuleNode,
  moduleOf,
  moduleTree,
  pathTo,
  tensorsIn,
} from '../../../src/report/html/module-tree.ts';

const tree = (sizes: Record<string, number>): ModuleNode =>
  moduleTree({ name: Object.keys(sizes), stored: Object.values(sizes) });

function outline(node: ModuleNode): unknown {
  return node.tensor === undefined
    ? [node.label, node.bytes, node.children.map(outline)]
    : `${node.label} ${node.tensor}`;
}

describe('moduleTree', () => {
  it('sums the bytes of what stands below each module', () => {
    expect(outline(tree({ 'a.w': 1, 'a.b': 2, 'c.w': 4, 'c.b': 8 }))).toEqual([
      '',
      15,
      [
        ['a', 3, ['w 0', 'b 1']],
        ['c', 12, ['w 2', 'b 3']],
      ],
    ]);
  });

  it('joins modules that hold one thing alone', () => {
    expect(outline(tree({ 'state.module.a.w': 1, 'state.module.a.b': 1, x: 1 }))).toEqual([
      '',
      3,
      [['state.module.a', 2, ['w 0', 'b 1']], 'x 2'],
    ]);
    expect(outline(tree({ 'a.fc.weight': 1, 'a.bias': 1 }))).toEqual([
      '',
      2,
      [['a', 2, ['fc.weight 0', 'bias 1']]],
    ]);
  });

  it('keeps a tensor and a module of one name apart, and names that Python has and JavaScript too', () => {
    const root = tree({ a: 1, 'a.w': 2, 'a.v': 3, __proto__x: 1, 'constructor.w': 1, 'constructor.v': 1 });
    expect([...tensorsIn(root)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(root.children.map(({ label }) => label)).toEqual(['a', 'a', '__proto__x', 'constructor']);
  });

  it('does not go deeper than any model, whatever the names are', () => {
    const root = tree({ [`${'x.'.repeat(100_000)}w`]: 1, y: 1 });
    expect([...tensorsIn(root)]).toHaveLength(2);
  });

  it('knows the way to a tensor', () => {
    const root = tree({ 'a.b.w': 1, 'a.b.v': 1, 'a.c': 1 });
    const module = moduleOf(root, 1);
    expect(module.name).toBe('a.b');
    expect(pathTo(module).map(({ label }) => label)).toEqual(['', 'a', 'b']);
  });
});
