import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coveredElements, isContiguous, type View } from '../../src/checkpoint/view-coverage.ts';

function view(shape: number[], stride: number[], storageOffset = 0): View {
  return { shape, stride, storageOffset, elements: shape.reduce((product, size) => product * size, 1) };
}

/** Every element that the view reads, one by one. */
function elementsOf({ shape, stride, storageOffset }: View): number[] {
  let at = [storageOffset];
  for (const [dim, size] of shape.entries()) {
    at = at.flatMap((start) => Array.from({ length: size }, (_, i) => start + i * (stride[dim] as number)));
  }
  return at;
}

const anyView = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 9 })), { maxLength: 3 }).chain((dims) =>
  fc.nat({ max: 20 }).map((offset) =>
    view(
      dims.map(([size]) => size),
      dims.map(([, stride]) => stride),
      offset,
    ),
  ),
);

describe('coveredElements', () => {
  it('counts what counting one by one counts', () => {
    fc.assert(
      fc.property(fc.array(anyView, { minLength: 1, maxLength: 4 }), (views) => {
        expect(coveredElements(views)).toBe(new Set(views.flatMap(elementsOf)).size);
      }),
      { numRuns: 2000 },
    );
  });

  it('adds up the disjoint columns of a fused projection', () => {
    const columns = [0, 64, 128].map((offset) => view([64, 64], [192, 1], offset));
    expect(coveredElements(columns)).toBe(3 * 64 * 64);
  });

  it('estimates, no higher than the stretch, where the runs pass the budget', () => {
    const wide = view([1000, 10], [20, 2]);
    expect(coveredElements([wide, view([1000, 10], [20, 2], 1)], { runs: 100 })).toBe(20_000);
    expect(coveredElements([wide, view([1000, 11], [20, 2])], { runs: 100 })).toBe(20_001);
  });

  it('spends the budget once for all storages', () => {
    const budget = { runs: 30 };
    const views = [view([2, 5], [10, 2]), view([2, 5], [10, 2], 1)];
    coveredElements(views, budget);
    expect(budget.runs).toBe(10);
  });
});

describe('isContiguous', () => {
  it('ignores the strides of dimensions of size 1 and of empty tensors', () => {
    expect(isContiguous(view([2, 1, 3], [3, 99, 1]))).toBe(true);
    expect(isContiguous(view([0, 3], [7, 7]))).toBe(true);
    expect(isContiguous(view([], []))).toBe(true);
    expect(isContiguous(view([2, 3], [1, 2]))).toBe(false);
  });
});
