import type { DiffDocument } from '../../src/report/diff-document.ts';

/** Draws, mentions, links, ends tables and turns the writing direction where it is let. */
export const HOSTILE_NAME = 'x|`<b>`\u001b[2J\u202e@team https://evil.example #1\n';

/** Two checkpoints that differ in everything that can differ. */
export function sampleDiff(over: Partial<DiffDocument> = {}): DiffDocument {
  const side = { bytes: 1_000_000, container: 'torch-zip' as const, part: '', tensors: 40 };
  return {
    schema: 'ckpt-doctor/diff/1',
    a: { ...side, path: 'models/a.pth' },
    b: { ...side, path: 'models/b.pth', part: 'state_dict' },
    same: false,
    notes: ['Of b, state_dict is compared.'],
    totals: {
      common: 38,
      changed: 4,
      added: 1,
      removed: 1,
      renamed: 3,
      values: { same: 34, different: 3, notComparable: 1 },
    },
    added: [{ name: 'fc.new', dtype: 'float32', shape: [3, 4], bytes: 48, location: 'cpu' }],
    removed: [{ name: 'fc.old', dtype: 'int64', shape: [], bytes: 8, location: 'cpu' }],
    renamed: [
      { from: 'module.a.weight', to: 'a.weight', by: 'wrapper' },
      { from: 'module.b.weight', to: 'b.weight', by: 'wrapper' },
      { from: 'head', to: 'classifier', by: 'content' },
    ],
    changed: [
      { name: 'w1', dtype: { a: 'float32', b: 'float16' }, values: different(0.25) },
      { name: 'w2', dtype: { a: 'float32', b: 'float16' }, values: different(1e-7) },
      {
        name: 'w3',
        shape: { a: [2, 3], b: [3, 2] },
        values: { verdict: 'not-comparable', reason: 'the shapes differ' },
      },
      {
        name: 'w4',
        values: { ...different(0), numbers: { ...NUMBERS, differing: 1, notFinite: 1, maxAbs: 0 } },
      },
    ],
    metadata: [
      { name: 'epoch', a: '1', b: '2' },
      { name: 'new', b: '"x"' },
    ],
    ...over,
  };
}

const NUMBERS = { elements: 2000, differing: 2000, notFinite: 0, maxAbs: 0, meanAbs: 0, cosine: 0.9999999 };

function different(maxAbs: number) {
  return { verdict: 'different' as const, numbers: { ...NUMBERS, maxAbs, meanAbs: maxAbs / 2 } };
}
