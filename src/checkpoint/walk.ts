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

/** The values that a node holds, with the path segment of each. Keys of mappings are not entered. */
export function eachChild(node: PyNode, add: (child: Value, segment: string | number) => void): void {
  if (node instanceof PyDict) {
    node.values.forEach((value, index) => {
      add(value, keySegment(node.keys[index] as Value, index));
    });
  } else if (node instanceof PyTuple || node instanceof PyList || node instanceof PySet) {
    node.items.forEach(add);
  } else if (node instanceof PyObject) {
    if (node.args instanceof PyTuple)
      node.args.items.forEach((argument, index) => {
        add(argument, `()${index}`);
      });
    else add(node.args, '()');
    if (node.kwargs !== undefined) add(node.kwargs, '()**');
    eachEffect(node, add);
  }
}

function eachEffect(object: PyObject, add: (child: Value, segment: string | number) => void): void {
  for (const effect of object.effects ?? []) {
    if (effect.op === 'set') {
      effect.values.forEach((value, index) => {
        add(value, keySegment(effect.keys[index] as Value, index));
      });
    } else if (effect.op === 'build') {
      const state = effect.state;
      if (state instanceof PyDict) {
        const mark = entriesOf(object) ? '@' : '';
        state.values.forEach((value, index) => {
          add(value, `${mark}${keySegment(state.keys[index] as Value, index)}`);
        });
      } else add(state, '@state');
    } else effect.items.forEach(add);
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
