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

/** Values that a node holds side by side: the items of a sequence, those of a mapping under their keys, or one alone. */
export interface Held {
  /** Those of the node itself, but for one alone. */
  readonly values: Value[];
  readonly keys?: Value[];
  /** Stands before the segment of each: what they are to an object besides its items. */
  readonly mark: string;
  /** The one value is no item of anything; the mark is its segment. */
  readonly isAlone?: true;
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
export function eachChild(node: PyNode, see: SeeChild): void {
  for (const held of heldBy(node)) {
    const { values, keys, mark } = held;
    if (held.isAlone) see(values[0] as Value, mark);
    else for (let i = 0; i < values.length; i++) see(values[i] as Value, segmentOf(held, i), values, i, keys);
  }
}

/** The same as lists, which are the live ones of the node. */
export function heldBy(node: PyNode): readonly Held[] {
  if (node instanceof PyDict) return [{ values: node.values, keys: node.keys, mark: '' }];
  if (node instanceof PyTuple || node instanceof PyList || node instanceof PySet)
    return [{ values: node.items, mark: '' }];
  if (!(node instanceof PyObject)) return [];
  const { args, kwargs } = node;
  const held: Held[] = [args instanceof PyTuple ? { values: args.items, mark: '()' } : alone(args, '()')];
  if (kwargs !== undefined) held.push(alone(kwargs, '()**'));
  for (const effect of node.effects ?? []) {
    if (effect.op === 'set') held.push({ values: effect.values, keys: effect.keys, mark: '' });
    else if (effect.op !== 'build') held.push({ values: effect.items, mark: '' });
    else if (effect.state instanceof PyDict) {
      const { values, keys } = effect.state;
      held.push({ values, keys, mark: entriesOf(node) ? '@' : '' });
    } else held.push(alone(effect.state, '@state'));
  }
  return held;
}

function alone(value: Value, mark: string): Held {
  return { values: [value], mark, isAlone: true };
}

/** The path segment of one of the values. */
export function segmentOf({ keys, mark, isAlone }: Held, index: number): string | number {
  if (isAlone) return mark;
  const segment = keys ? keySegment(keys[index] as Value, index) : index;
  return mark === '' ? segment : `${mark}${segment}`;
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
