import { eachPart } from '../pickle/replace.ts';
import {
  argumentsOf,
  callableName,
  isNode,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  type PyNode,
  PyObject,
  PySet,
  PyTuple,
  type Value,
} from '../pickle/values.ts';
import { isAllowedGlobal, python3Name } from '../torch/allowlist.ts';
import { isBuiltFromArray, type Plain, type PlainContext, plainValue } from './plain-values.ts';

/** How a graph would look without what `weights_only` refuses. */
export interface PlainForms {
  readonly replaced: ReadonlyMap<PyNode, Plain>;
  /** What no plain value says: names of globals, as Python 3 knows them, and other things in words. Empty where all can be replaced. */
  readonly left: readonly string[];
}

/** Ints that take more than 255 bytes are written with an opcode that `weights_only` lacks. */
const LONGEST_INT = 2n ** 2039n;

/** Finds a plain value for each node that `weights_only` refuses. Changes nothing. */
export function plainForms(root: Value, context: PlainContext): PlainForms {
  const hashed = hashedValues(root);
  const replaced = new Map<PyNode, Plain>();
  const left = new Set<string>();
  const seen = new Set<PyNode>();
  const open: PyNode[] = [];
  const add = (value: Value) => {
    if (typeof value === 'bigint' && (value >= LONGEST_INT || value < -LONGEST_INT))
      left.add('an int of more than 255 bytes');
    if (!isNode(value) || seen.has(value)) return;
    seen.add(value);
    open.push(value);
  };
  add(root);
  for (let node = open.pop(); node; node = open.pop()) {
    const plain = plainValue(node, context);
    if (plain && !(plain.value instanceof PySet && hashed.nodes.has(node))) {
      replaced.set(node, plain);
      add(plain.value);
      continue;
    }
    const name = refusedName(node);
    if (name !== undefined) left.add(name);
    eachPart(node, add);
  }
  for (const keys of hashed.lists) {
    const one = mergedKey(keys, replaced);
    if (one !== undefined) left.add(`a second key ${one} in one dict or set`);
  }
  return { replaced, left: [...left] };
}

/** Protocol 2 has no form for frozensets but a call of their class. */
function refusedName(node: PyNode): string | undefined {
  if (node instanceof PySet && node.frozen) return 'builtins.frozenset';
  if (isBuiltFromArray(node)) return callableName(node);
  if (!(node instanceof PyGlobal) || isAllowedGlobal(node.module, node.name)) return undefined;
  return python3Name(node.module, node.name);
}

const SET = /^(__builtin__|builtins)\.(frozen)?set$/;

/** What stands as keys of mappings and in sets, within tuples too: it has to be hashable, and different. */
function hashedValues(root: Value): { nodes: ReadonlySet<PyNode>; lists: readonly (readonly Value[])[] } {
  const nodes = new Set<PyNode>();
  const lists: (readonly Value[])[] = [];
  const seen = new Set<PyNode>();
  const open: Value[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (!isNode(value) || seen.has(value)) continue;
    seen.add(value);
    eachPart(value, (part) => {
      if (isNode(part)) open.push(part);
    });
    for (const keys of hashedLists(value)) {
      const objects = keys.filter((key) => isNode(key) && !(key instanceof PyFloat));
      if (objects.length === 0) continue;
      lists.push(keys);
      for (const key of objects) addWithin(key as PyNode, nodes);
    }
  }
  return { nodes, lists };
}

function hashedLists(node: PyNode): (readonly Value[])[] {
  if (node instanceof PyDict) return [node.keys];
  if (node instanceof PySet) return [node.items];
  if (!(node instanceof PyObject)) return [];
  const [items] = argumentsOf(node);
  if (items instanceof PyList && SET.test(callableName(node) ?? '')) return [items.items];
  return (node.effects ?? []).flatMap((effect) => (effect.op === 'set' ? [effect.keys] : []));
}

/** A tuple, a frozenset and an object are as hashable as what they are made of. */
function addWithin(node: PyNode, nodes: Set<PyNode>): void {
  const open = [node];
  for (let each = open.pop(); each; each = open.pop()) {
    if (nodes.has(each)) continue;
    nodes.add(each);
    const parts =
      each instanceof PyTuple || each instanceof PySet
        ? each.items
        : each instanceof PyObject
          ? argumentsOf(each).flatMap((arg) => (arg instanceof PyList ? arg.items : [arg]))
          : [];
    for (const part of parts) if (isNode(part)) open.push(part);
  }
}

/** A key that two keys would become of which one is replaced: a path beside its own text. */
function mergedKey(keys: readonly Value[], replaced: ReadonlyMap<PyNode, Plain>): string | undefined {
  const owners = new Map<string | PyNode, boolean>();
  for (const key of new Set(keys)) {
    const plain = isNode(key) ? replaced.get(key) : undefined;
    const name = identity(plain ? plain.value : key);
    const other = owners.get(name);
    if (typeof name === 'string' && other !== undefined && (other || plain)) return name;
    owners.set(name, plain !== undefined);
  }
  return undefined;
}

/** What Python takes for one key is one text here; a node is itself. */
function identity(value: Value): string | PyNode {
  if (typeof value === 'string') return `'${value}'`;
  if (value instanceof PyFloat) return String(value.value);
  return isNode(value) ? value : String(typeof value === 'boolean' ? Number(value) : value);
}
