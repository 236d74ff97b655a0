import { isNode, type PyNode, type Value } from '../pickle/values.ts';
import { eachChild } from './children.ts';
import type { Path } from './path.ts';

/** Where a walk stands, as a link to where its parent stands; the root has no place. */
export interface Place {
  readonly parent: Place | undefined;
  readonly segment: string | number;
}

export function pathOf(place: Place | undefined): Path {
  const path: (string | number)[] = [];
  for (let at = place; at; at = at.parent) path.push(at.segment);
  return path.reverse();
}

/**
 * Visits every node under `root` once, parents first and in the order of the stream; a node that is shared counts where it is met
 * first. A visitor that returns false keeps the walk from entering that node, and nodes in `leaves` are not visited at all.
 */
export function walkNodes(
  root: Value,
  visit: (node: PyNode, place: Place | undefined) => boolean | undefined,
  leaves: { has(node: PyNode): boolean } = new Set(),
): void {
  if (!isNode(root) || leaves.has(root)) return;
  const seen = new Set<PyNode>();
  const nodes: PyNode[] = [root];
  const places: (Place | undefined)[] = [undefined];
  while (nodes.length) {
    const node = nodes.pop() as PyNode;
    const place = places.pop();
    if (seen.has(node)) continue;
    seen.add(node);
    if (visit(node, place) === false) continue;
    const first = nodes.length;
    eachChild(node, (child, segment) => {
      if (!isNode(child) || leaves.has(child) || seen.has(child)) return;
      nodes.push(child);
      places.push({ parent: place, segment });
    });
    reverseFrom(nodes, first);
    reverseFrom(places, first);
  }
}

function reverseFrom<T>(items: T[], first: number): void {
  for (let low = first, high = items.length - 1; low < high; low++, high--) {
    const item = items[low] as T;
    items[low] = items[high] as T;
    items[high] = item;
  }
}
