import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/checkpoint/tensor.ts';
import { screen } from '../../../src/report/terminal/screen.ts';
import { type Branch, growTree } from '../../../src/report/terminal/tree.ts';
import { treeLines } from '../../../src/report/terminal/tree-lines.ts';
import { foldedTensors, planTree, type TreeLimits } from '../../../src/report/terminal/tree-plan.ts';
import { gpt, resnet18, tensor } from '../sample.ts';

function draw(tensors: readonly Tensor[], limits: TreeLimits, width = 80): string[] {
  return [...treeLines(planTree(growTree(tensors), limits), () => '', screen({ width }))];
}

describe('the tree', () => {
  it('folds alike numbered blocks into one line and shows one of them', () => {
    const lines = draw(gpt(12), { lines: 40 });
    expect(lines.filter((line) => line.includes('alike'))).toEqual([
      '│  └─ 0–11             12 alike × 12 tensors · 85.1 M params   340 MB',
      '│     ├─ ln_1–2        2 alike × 2 tensors · 3.07 k params    12.3 kB',
    ]);
  });

  it('folds alike blocks only as far as they are alike and follow each other', () => {
    const block = (name: string, size: number) => [tensor(`${name}.w`, [size]), tensor(`${name}.b`, [size])];
    const numbers = [0, 1, 2, 4, 5, 6].flatMap((i) => block(`h.${i}`, i < 6 ? 3 : 9));
    expect(draw(numbers, { depth: 2 }).map((line) => line.slice(0, 10).trim())).toEqual([
      'h',
      '├─ 0–2 …',
      '├─ 4–5 …',
      '└─ 6 …',
    ]);
  });

  it('folds alike blocks that have one part each, and names the part', () => {
    const blocks = [0, 1, 2, 3].flatMap((i) =>
      ['w', 'b'].map((name) => tensor(`h.${i}.attention.${name}`, [3])),
    );
    expect(draw(blocks, { depth: 2 }).map((line) => line.slice(0, 20).trim())).toEqual([
      'h',
      '└─ 0–3.attention …',
    ]);
    const layers = [0, 1, 2, 3].map((i) => tensor(`net.${i}.weight`, [3, 3]));
    expect(draw(layers, { depth: 2 })[1]).toMatch(/^└─ 0–3\.weight +float32 4 × \[3, 3\]/);
  });

  it('keeps alike blocks on different devices apart', () => {
    const blocks = [0, 1, 2, 3].flatMap((i) =>
      ['w', 'b'].map((name) => tensor(`h.${i}.${name}`, [3], { location: i < 2 ? 'cuda:0' : 'cuda:1' })),
    );
    expect(draw(blocks, { depth: 2 }).map((line) => line.slice(0, 10).trim())).toEqual([
      'h',
      '├─ 0–1 …',
      '└─ 2–3 …',
    ]);
  });

  it('takes no more lines than it is given, and counts what it folds', () => {
    const everything = [...resnet18(['state_dict', 'module.']), ...resnet18(['ema', ''])];
    for (const lines of [5, 10, 20, 40, 100]) {
      const plan = planTree(growTree(everything), { lines });
      const drawn = [...treeLines(plan, () => '', screen({}))];
      expect(drawn.length).toBeLessThanOrEqual(lines);
      const leaves = drawn.filter((line) => /\[[\d, ]*\]/.test(line)).length;
      const alike = drawn.filter((line) => line.includes('alike')).length;
      if (alike === 0) expect(leaves + foldedTensors(plan)).toBe(everything.length);
    }
  });

  it('shows every tensor where all is asked for', () => {
    const model = gpt(12);
    const leaves = draw(model, { all: true }).filter((line) => /\[[\d, ]+\]/.test(line));
    expect(leaves).toHaveLength(model.length);
  });

  it('opens as many levels as are asked for', () => {
    expect(draw(resnet18(['state_dict', '']), { depth: 1 })).toEqual([
      'state_dict …  122 tensors · 11.7 M params  46.8 MB',
    ]);
    expect(draw(resnet18(['state_dict', '']), { depth: 2 })).toHaveLength(8);
  });

  it('shows the beginning of a list that is too long, and what is left', () => {
    const list = Array.from({ length: 300 }, (_, i) => tensor(`${'abcdefg'[i % 7]}${i}`, [i + 1]));
    const lines = draw(list, { lines: 10 });
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toMatch(/^… 291 more +291 tensors +180 kB$/);
  });

  it('keeps every line within the width, whatever the names', () => {
    const deep = tensor(
      Array.from({ length: 50 }, (_, i) => `level${i}`),
      [4],
    );
    const wide = tensor(`${'重み'.repeat(60)}.x`, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    const beside = tensor(['level0', 'level1', 'b'], [3]);
    for (const width of [40, 64, 80, 120]) {
      const thicket = Array.from({ length: 30 }, (_, i) =>
        tensor([...'abcdefgh'.repeat(4).slice(0, i), 'leaf'], [2]),
      );
      for (const line of draw([deep, wide, beside, ...gpt(2), ...thicket], { depth: 40 }, width)) {
        expect([...line].reduce((sum, each) => sum + (/[重み]/.test(each) ? 2 : 1), 0)).toBeLessThanOrEqual(
          width,
        );
      }
    }
  });

  it('grows from names of any depth and from names that are twice there', () => {
    const dots = tensor('.'.repeat(100_000), [1]);
    const both = [tensor(['a', 1], [1]), tensor(['a', '1'], [2]), tensor('a', [3]), tensor([], [4])];
    const root = growTree([dots, ...both]);
    expect(root.tensors).toBe(5);
    expect(draw(both, { all: true }).filter((line) => /\[\d\]/.test(line))).toHaveLength(3);
  });

  it('has a branch for each part of a name, whatever the names have in common', () => {
    const part = fc.constantFrom('', 'a', 'b', 'ab', '1', '10');
    const name = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 12 }), name, (names, start) => {
        for (const given of [names, names.map((each) => `${start}.${each}`)]) {
          const root = growTree(given.map((each) => tensor(each, [1])));
          expect(root.tensors).toBe(given.length);
          const found: string[] = [];
          const visit = (branch: Branch, before: string): void => {
            if (branch.tensor) {
              expect(branch.tensor.name).toBe(before);
              found.push(before);
            }
            const labels = branch.children.map(({ label }) => label);
            expect(new Set(labels).size).toBe(labels.length);
            for (const child of branch.children)
              visit(child, branch === root ? child.label : `${before}.${child.label}`);
            const below = branch.children.reduce((sum, child) => sum + child.tensors, 0);
            expect(branch.tensors).toBe(below + (branch.tensor ? 1 : 0));
          };
          visit(root, '');
          expect(found.sort()).toEqual([...given].sort());
        }
      }),
    );
  });
});
