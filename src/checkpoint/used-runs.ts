import type { View } from './view-coverage.ts';

/**
 * Stretches of elements that are laid over each other exactly; a column of a large matrix is one an element. Beyond that whole spans
 * are kept, so that a file made of such views can't ask for any amount of memory.
 */
const MOST_RUNS = 1_000_000;

/** What of a storage is used, and how the views on it look once only that is left. */
export interface UsedRuns {
  /** First element and the one after the last of each stretch, by turns, rising. */
  readonly runs: Float64Array;
  /** Elements in all stretches. */
  readonly elements: number;
  /** For each view where it begins and its strides among what is left. */
  readonly views: readonly { readonly storageOffset: number; readonly stride: readonly number[] }[];
}

/**
 * Finds the elements that some views of one storage use, so that all others can go. Views that share elements go on sharing them.
 * Where a view would no longer be one of constant strides, all that lies between its first and its last element stays.
 */
export function usedRuns(views: readonly View[]): UsedRuns {
  const shapes = views.map(axesOf);
  const total = shapes.reduce((sum, { count }) => sum + count, 0);
  if (total <= MOST_RUNS) {
    const exact = new Ranks(shapes.flatMap((axes, index) => runsOf(views[index] as View, axes)));
    const moved = views.map((view, index) => movedView(view, shapes[index] as Axes, exact));
    if (moved.every((view) => view !== undefined)) return { ...exact.result(), views: moved };
  }
  const spans = new Ranks(views.filter(({ elements }) => elements > 0).map(spanOf));
  return {
    ...spans.result(),
    views: views.map(({ storageOffset, stride, elements }) => ({
      storageOffset: elements === 0 ? 0 : spans.rank(storageOffset),
      stride,
    })),
  };
}

interface Axis {
  readonly dim: number;
  readonly size: number;
  readonly stride: number;
}

/** A view in its simplest terms: loops over runs of neighbouring elements. */
interface Axes {
  readonly run: number;
  readonly outer: readonly Axis[];
  /** Number of runs. */
  readonly count: number;
}

function axesOf(view: View): Axes {
  if (view.elements === 0) return { run: 0, outer: [], count: 0 };
  const axes = view.shape
    .map((size, dim) => ({ dim, size, stride: view.stride[dim] ?? 0 }))
    .filter(({ size, stride }) => size > 1 && stride > 0)
    .sort((a, b) => a.stride - b.stride);
  let run = 1;
  let inner = 0;
  for (const { size, stride } of axes) {
    if (stride !== run) break;
    run *= size;
    inner++;
  }
  const outer = axes.slice(inner);
  return { run, outer, count: outer.reduce((count, { size }) => count * size, 1) };
}

type Run = readonly [start: number, end: number];

function runsOf(view: View, { run, outer, count }: Axes): Run[] {
  if (count === 0) return [];
  let starts = [view.storageOffset];
  for (const { size, stride } of outer) {
    const block = starts;
    starts = [];
    for (let step = 0; step < size; step++) for (const start of block) starts.push(start + step * stride);
  }
  return starts.map((start) => [start, start + run]);
}

function spanOf(view: View): Run {
  const reach = view.shape.reduce((sum, size, dim) => sum + (size - 1) * (view.stride[dim] ?? 0), 0);
  return [view.storageOffset, view.storageOffset + reach + 1];
}

/** The view after all unused elements went; undefined where its steps would differ from each other. */
function movedView(view: View, axes: Axes, ranks: Ranks): UsedRuns['views'][number] | undefined {
  if (axes.count === 0) return { storageOffset: 0, stride: view.stride };
  const base = ranks.rank(view.storageOffset);
  const stride = [...view.stride];
  for (const { dim, stride: step } of axes.outer) stride[dim] = ranks.rank(view.storageOffset + step) - base;
  const before = runsOf(view, axes);
  const after = runsOf({ ...view, storageOffset: base }, movedAxes(axes, stride));
  const holds = before.every(([start], index) => ranks.rank(start) === after[index]?.[0]);
  return holds ? { storageOffset: base, stride } : undefined;
}

function movedAxes({ run, outer, count }: Axes, stride: readonly number[]): Axes {
  return { run, outer: outer.map((axis) => ({ ...axis, stride: stride[axis.dim] as number })), count };
}

/** The union of runs, and where each of its elements comes to stand when all others go. */
class Ranks {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Elements before each stretch. */
  readonly #before: number[] = [];
  #elements = 0;

  constructor(runs: Run[]) {
    for (const [start, end] of runs.sort((a, b) => a[0] - b[0])) {
      const last = this.#ends.length - 1;
      if (last >= 0 && start <= (this.#ends[last] as number)) {
        this.#elements += Math.max(0, end - (this.#ends[last] as number));
        this.#ends[last] = Math.max(end, this.#ends[last] as number);
      } else {
        this.#starts.push(start);
        this.#ends.push(end);
        this.#before.push(this.#elements);
        this.#elements += end - start;
      }
    }
  }

  /** @param element One of the union. */
  rank(element: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] as number) <= element) low = middle;
      else high = middle - 1;
    }
    return (this.#before[low] as number) + element - (this.#starts[low] as number);
  }

  result(): { runs: Float64Array; elements: number } {
    const runs = new Float64Array(this.#starts.length * 2);
    for (let i = 0; i < this.#starts.length; i++) {
      runs[2 * i] = this.#starts[i] as number;
      runs[2 * i + 1] = this.#ends[i] as number;
    }
    return { runs, elements: this.#elements };
  }
}
