import { isBytes } from '../io/segment.ts';
import {
  isNode,
  PyBuffer,
  PyBytes,
  PyDict,
  PyExtension,
  PyFloat,
  PyGlobal,
  PyList,
  type PyNode,
  PyObject,
  PyPersistent,
  PySet,
  PyText,
  PyTuple,
  type Value,
} from '../pickle/values.ts';
import { inline } from './json.ts';

/** Bytes that are shown; of more only the number. */
const LONGEST_BYTES = 256;

/**
 * The values of a pickle as the members `root` and `nodes` of an object. Containers stand in a flat list, each once, and are named by their
 * place in it: what is shared stays shared, what holds itself ends, and no depth is too deep for a parser. Item by item, so that a list
 * of a million never stands in one string.
 */
export function* valueJson(root: Value, indent: string): Generator<string> {
  const nodes = new NodeNumbers();
  yield `${indent}"root": ${nodes.entry(root)},\n${indent}"nodes": [`;
  for (let next = nodes.take(); next; next = nodes.take()) {
    const { node, id } = next;
    yield `${id > 0 ? ',' : ''}\n${indent}  { "id": ${id}, `;
    yield* nodeMembers(node, nodes);
    yield ' }';
  }
  yield nodes.count > 0 ? `\n${indent}]` : ']';
}

/** Numbers nodes as they are met; each is written when its turn comes. */
class NodeNumbers {
  readonly #ids = new Map<PyNode, number>();
  readonly #pending: PyNode[] = [];
  #taken = 0;

  get count(): number {
    return this.#pending.length;
  }

  take(): { node: PyNode; id: number } | undefined {
    const node = this.#pending[this.#taken];
    return node && { node, id: this.#taken++ };
  }

  /** A value where it stands: as it is, or the number of its node. */
  entry(value: Value): string {
    if (!isNode(value)) return typeof value === 'bigint' ? inline({ int: String(value) }) : inline(value);
    const leaf = leafEntry(value);
    if (leaf) return inline(leaf);
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.#pending.length;
      this.#ids.set(value, id);
      this.#pending.push(value);
    }
    return `{ "node": ${id} }`;
  }
}

/** What holds no values; undefined for all else. */
function leafEntry(value: PyNode): object | undefined {
  if (value instanceof PyFloat) {
    const isNumber = Number.isFinite(value.value) && !Object.is(value.value, -0);
    return { float: isNumber ? value.value : Object.is(value.value, -0) ? '-0' : String(value.value) };
  }
  if (value instanceof PyGlobal) return { global: value.qualifiedName };
  if (value instanceof PyText) return { text: value.range.length };
  if (value instanceof PyBytes) {
    const { type, length, content } = value;
    const isShown = isBytes(content) && length <= LONGEST_BYTES;
    return { bytes: length, type, ...(isShown && { hex: Buffer.from(content).toString('hex') }) };
  }
  if (value instanceof PyExtension) return { extension: value.code };
  if (value instanceof PyBuffer) return { buffer: value.index };
  return undefined;
}

function* nodeMembers(node: PyNode, nodes: NodeNumbers): Generator<string> {
  if (node instanceof PyDict) {
    yield '"type": "dict", ';
    yield* pairs(node.keys, node.values, nodes);
  } else if (node instanceof PyTuple || node instanceof PyList) {
    yield `"type": "${node.kind}", `;
    yield* items(node.items, nodes);
  } else if (node instanceof PySet) {
    yield `"type": "${node.frozen ? 'frozenset' : 'set'}", `;
    yield* items(node.items, nodes);
  } else if (node instanceof PyPersistent) yield `"type": "persistent", "value": ${nodes.entry(node.id)}`;
  else if (node instanceof PyObject) yield* objectMembers(node, nodes);
}

function* objectMembers(object: PyObject, nodes: NodeNumbers): Generator<string> {
  const { construct, callable, args, kwargs, effects = [] } = object;
  yield `"type": "object", "construct": "${construct}", "callable": ${nodes.entry(callable)}, "args": ${nodes.entry(args)}`;
  if (kwargs !== undefined) yield `, "kwargs": ${nodes.entry(kwargs)}`;
  if (effects.length === 0) return;
  yield ', "effects": [';
  for (const [index, effect] of effects.entries()) {
    yield `${index > 0 ? ', ' : ''}{ "op": "${effect.op}", `;
    if (effect.op === 'build') yield `"state": ${nodes.entry(effect.state)}`;
    else if (effect.op === 'set') yield* pairs(effect.keys, effect.values, nodes);
    else yield* items(effect.items, nodes);
    yield ' }';
  }
  yield ']';
}

function* items(values: readonly Value[], nodes: NodeNumbers): Generator<string> {
  yield '"items": [';
  for (const [index, value] of values.entries()) yield (index > 0 ? ', ' : '') + nodes.entry(value);
  yield ']';
}

/** Keys may be of any type, and stand in the order of the stream: so no mapping of JSON. */
function* pairs(keys: readonly Value[], values: readonly Value[], nodes: NodeNumbers): Generator<string> {
  yield '"items": [';
  for (const [index, key] of keys.entries())
    yield `${index > 0 ? ', ' : ''}[${nodes.entry(key)}, ${nodes.entry(values[index] as Value)}]`;
  yield ']';
}
