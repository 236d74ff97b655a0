import { type Branch, chainOf, type Run, runOfOne, runsOf } from './tree.ts';

/** A line of the tree: a branch, or a run of branches that are alike. */
export interface Item {
  /** The branch, or the first of the run; where modules of one child are joined, the last of them. */
  readonly branch: Branch;
  /** Of the joined modules. */
  readonly label: string;
  readonly run: Run | undefined;
  /** How many branches the line stands for. */
  readonly alike: number;
  /** Lines below it; empty while it is folded. */
  shown: readonly Item[];
  /** Lines that would stand below it and don't. */
  rest: readonly Item[];
}

export interface TreeLimits {
  /** Lines that the tree may take. */
  readonly lines?: number;
  /** Levels that are opened; takes the place of `lines`. */
  readonly depth?: number;
  /** Open everything and fold nothing. */
  readonly all?: boolean;
}

/** Lines left over below this are not worth opening a part of a module for. */
const MIN_PART = 4;

/** Chooses what of the tree is shown, and gives its top lines; `rest` of the root item is what was left out at the top. */
export function planTree(root: Branch, limits: TreeLimits): Item {
  const top: Item = { branch: root, label: '', run: undefined, alike: 1, shown: [], rest: [] };
  if (limits.all) openAll(top, false, Number.POSITIVE_INFINITY);
  else if (limits.depth !== undefined) openAll(top, true, limits.depth);
  else openWithin(top, limits.lines ?? 40);
  return top;
}

function itemOf(run: Run): Item {
  const { label, branch } = chainOf(run.members[0] as Branch);
  const alike = run.members.length;
  return { branch, label, run: alike > 1 ? run : undefined, alike, shown: [], rest: [] };
}

function itemsBelow({ branch: { children } }: Item, fold: boolean): Item[] {
  return (fold ? runsOf(children) : children.map(runOfOne)).map(itemOf);
}

function openAll(item: Item, fold: boolean, levels: number): void {
  if (levels <= 0) return;
  item.shown = itemsBelow(item, fold);
  for (const below of item.shown) openAll(below, fold, levels - 1);
}

/** Level by level, so that every module has its sum before one shows its parts; then fills what is left of the lines. */
function openWithin(top: Item, lines: number): void {
  let left = lines;
  const skipped: Item[] = [];
  let level = [top];
  while (level.length > 0) {
    const next: Item[] = [];
    for (const item of level) {
      if (item.branch.children.length === 0) continue;
      const below = itemsBelow(item, true);
      if (below.length > left) {
        item.rest = below;
        skipped.push(item);
        continue;
      }
      left -= below.length;
      item.shown = below;
      next.push(...below);
    }
    level = next;
  }
  for (const item of skipped) {
    const part = left >= MIN_PART || item === top ? Math.max(1, left - 1) : 0;
    item.shown = item.rest.slice(0, part);
    item.rest = part > 0 ? item.rest.slice(part) : [];
    left -= part > 0 ? part + 1 : 0;
  }
}

/** Tensors that no line of the plan stands for. */
export function foldedTensors({ branch, shown, rest, alike }: Item): number {
  if (shown.length === 0) return branch.children.length > 0 ? branch.tensors * alike : 0;
  const hidden = rest.reduce((sum, item) => sum + item.branch.tensors * item.alike, 0);
  return shown.reduce((sum, item) => sum + foldedTensors(item), hidden);
}
