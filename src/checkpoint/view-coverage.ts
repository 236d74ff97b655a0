import type { Tensor } from './tensor.ts';

/** What of a tensor says which elements of its storage it views. */
export type View = Pick<Tensor, 'shape' | 'stride' | 'storageOffset' | 'elements'>;

/**
 * Runs that are laid over each other for one checkpoint before unions are estimated. A column of a large matrix is one run an
 * element; so many take a few tenths of a second, and a file that is made of such views can't ask for more.
 */
const MAX_RUNS = 1_000_000;

/** What is left of the runs; one for all storages of a checkpoint. */
export interface CoverageBudget {
  runs: number;
}

export function coverageBudget(): CoverageBudget {
  return { runs: MAX_RUNS };
}

/** A view in its simplest terms: `outer` loops over runs of `run` neighbouring elements. */
interface Runs {
  readonly offset: number;
  readonly run: number;
  readonly outer: readonly { readonly size: number; readonly stride: number }[];
  readonly count: number;
}

/**
 * The number of elements of a storage that the views cover together. Exact while the budget lasts; beyond that the sum of the
 * views, no more than the stretch that they span.
 */
export function coveredElements(views: readonly View[], budget: CoverageBudget = coverageBudget()): number {
  const first = views[0];
  if (views.length === 1 && first && isContiguous(first)) return first.elements;
  const distinct = distinctViews(views).map(runsOf);
  const only = distinct[0];
  if (distinct.length === 1 && only && !overlapsItself(only)) return only.run * only.count;
  const total = distinct.reduce((sum, runs) => sum + runs.count, 0);
  if (total > budget.runs) return estimate(distinct);
  budget.runs -= total;
  return unionOf(distinct, total);
}

/** Views made by `as_strided` or `unfold` may read an element more than once. */
function overlapsItself({ run, outer }: Runs): boolean {
  let reach = run;
  for (const { size, stride } of outer) {
    if (stride < reach) return true;
    reach += (size - 1) * stride;
  }
  return false;
}

/** True where the elements stand in C order without gaps. Strides of dimensions of size 1 mean nothing. */
export function isContiguous(view: Pick<View, 'shape' | 'stride' | 'elements'>): boolean {
  if (view.elements === 0) return true;
  let expected = 1;
  for (let dim = view.shape.length - 1; dim >= 0; dim--) {
    const size = view.shape[dim] as number;
    if (size === 1) continue;
    if (view.stride[dim] !== expected) return false;
    expected *= size;
  }
  return true;
}

function distinctViews(views: readonly View[]): View[] {
  if (views.length === 1) return [...views];
  const seen = new Map<string, View>();
  for (const view of views) {
    const key = `${view.storageOffset}:${view.shape.join()}:${view.stride.join()}`;
    if (!seen.has(key)) seen.set(key, view);
  }
  return [...seen.values()];
}

function runsOf(view: View): Runs {
  if (view.elements === 0) return { offset: view.storageOffset, run: 0, outer: [], count: 0 };
  const dims = view.shape
    .map((size, dim) => ({ size, stride: view.stride[dim] ?? 0 }))
    .filter(({ size, stride }) => size > 1 && stride > 0)
    .sort((a, b) => a.stride - b.stride);
  let run = 1;
  let inner = 0;
  for (const { size, stride } of dims) {
    if (stride !== run) break;
    run *= size;
    inner += 1;
  }
  const outer = dims.slice(inner);
  return {
    offset: view.storageOffset,
    run,
    outer,
    count: outer.reduce((count, { size }) => count * size, 1),
  };
}

function unionOf(views: readonly Runs[], total: number): number {
  const starts = new Float64Array(total);
  let filled = 0;
  const lengthAt = new Map<number, number>();
  for (const view of views) {
    const begin = filled;
    if (view.count > 0) starts[filled++] = view.offset;
    for (const { size, stride } of view.outer) {
      const block = filled - begin;
      for (let step = 1; step < size; step++) {
        for (let i = 0; i < block; i++) starts[filled++] = (starts[begin + i] as number) + step * stride;
      }
    }
    for (let i = begin; i < filled; i++) {
      const start = starts[i] as number;
      if ((lengthAt.get(start) ?? 0) < view.run) lengthAt.set(start, view.run);
    }
  }
  starts.sort();
  let covered = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const start of starts) {
    const next = start + (lengthAt.get(start) as number);
    if (next <= end) continue;
    covered += next - Math.max(start, end);
    end = next;
  }
  return covered;
}

function estimate(views: readonly Runs[]): number {
  let sum = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const view of views) {
    if (view.count === 0) continue;
    sum += view.run * view.count;
    low = Math.min(low, view.offset);
    const reach = view.outer.reduce((at, { size, stride }) => at + (size - 1) * stride, view.offset);
    high = Math.max(high, reach + view.run);
  }
  return Math.min(sum, high - low);
}
