import {
  entriesOf,
  isNode,
  PyDict,
  PyList,
  type PyNode,
  PyObject,
  PySet,
  PyTuple,
  type Value,
} from '../pickle/values.ts';
import type { Path } from './path.ts';

interface Items {
  readonly keys: Value[];
  readonly values: Value[];
}

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

/**
 * Gets a value that a node holds, the path segment of it, and where it is held: it is `held[index]`, under the key `keys[index]` in
 * a mapping. The arrays are the live ones; they are left out for a value that is no item of anything.
 */
export type SeeChild = (
  child: Value,
  segment: string | number,
  held?: Value[],
  index?: number,
  keys?: Value[],
) => void;

/** The values that a node holds, with the path segment of each. Keys of mappings are not entered. */
export function eachChild(node: PyNode, add: SeeChild): void {
  if (node instanceof PyDict) eachPair(node, '', add);
  else if (node instanceof PyTuple || node instanceof PyList || node instanceof PySet)
    eachItem(node.items, '', add);
  else if (node instanceof PyObject) {
    if (node.args instanceof PyTuple) eachItem(node.args.items, '()', add);
    else add(node.args, '()');
    if (node.kwargs !== undefined) add(node.kwargs, '()**');
    eachEffect(node, add);
  }
}

function eachPair({ keys, values }: Items, mark: string, add: SeeChild): void {
  for (let i = 0; i < values.length; i++) {
    const segment = keySegment(keys[i] as Value, i);
    add(values[i] as Value, mark === '' ? segment : `${mark}${segment}`, values, i, keys);
  }
}

function eachItem(items: Value[], mark: string, add: SeeChild): void {
  for (let i = 0; i < items.length; i++) add(items[i] as Value, mark === '' ? i : `${mark}${i}`, items, i);
}

function eachEffect(object: PyObject, add: SeeChild): void {
  for (const effect of object.effects ?? []) {
    if (effect.op === 'set') eachPair(effect, '', add);
    else if (effect.op !== 'build') eachItem(effect.items, '', add);
    else if (effect.state instanceof PyDict) eachPair(effect.state, entriesOf(object) ? '@' : '', add);
    else add(effect.state, '@state');
  }
}

/** A key that is neither string nor number is named as Python's `str` would; one that has no short form, by its place among the keys. */
function keySegment(key: Value, index: number): string | number {
  if (typeof key === 'string' || typeof key === 'number') return key;
  return pythonText(key) ?? `<${isNode(key) ? key.kind : typeof key} key ${index}>`;
}

function pythonText(value: Value, nested = false): string | undefined {
  if (value === null) return 'None';
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False';
    case 'string':
      return nested ? `'${value}'` : value;
    case 'object':
      break;
    default:
      return String(value);
  }
  if (value.kind === 'float')
    return Number.isInteger(value.value) ? value.value.toFixed(1) : String(value.value);
  if (value.kind === 'global') return value.qualifiedName;
  if (value.kind !== 'tuple' || nested) return undefined;
  const items = value.items.map((item) => pythonText(item, true));
  if (items.includes(undefined)) return undefined;
  return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
}

function reverseFrom<T>(items: T[], first: number): void {
  for (let low = first, high = items.length - 1; low < high; low++, high--) {
    const item = items[low] as T;
    items[low] = items[high] as T;
    items[high] = item;
  }
}
