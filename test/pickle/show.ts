import {
  type Effect,
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
} from '../../src/pickle/values.ts';

/**
 * A graph as text, the same for graphs of the same shape and no others: an object that stands in several places gets a number
 * where it is met first (`&1 [1]`), and that number (`*1`) everywhere else.
 */
export function show(root: Value): string {
  const uses = new Map<PyNode, number>();
  countUses(root, uses);
  const numbers = new Map<PyNode, number>();
  const inside = (value: Value): string => {
    if (typeof value === 'string') return JSON.stringify(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value !== 'object' || value === null) return String(value);
    if (value instanceof PyFloat) return Object.is(value.value, -0) ? 'float -0' : `float ${value.value}`;
    if (value instanceof PyGlobal) return `<${value.qualifiedName}>`;
    if (value instanceof PyTuple && value.items.length === 0) return '()';
    // a pickler keeps no memo of what a persistent id stands for, only of the id
    if (value instanceof PyPersistent) return `persistent ${inside(value.id)}`;
    const known = numbers.get(value);
    if (known !== undefined) return `*${known}`;
    let label = '';
    if ((uses.get(value) ?? 0) > 1) {
      label = `&${numbers.size + 1} `;
      numbers.set(value, numbers.size + 1);
    }
    return label + body(value);
  };
  const list = (items: readonly Value[]): string => items.map(inside).join(', ');
  const pairs = (keys: readonly Value[], values: readonly Value[]): string =>
    keys.map((key, index) => `${inside(key)}: ${inside(values[index] as Value)}`).join(', ');
  const effect = (each: Effect): string => {
    if (each.op === 'set') return ` set {${pairs(each.keys, each.values)}}`;
    if (each.op === 'build') return ` build ${inside(each.state)}`;
    return ` ${each.op} [${list(each.items)}]`;
  };
  const body = (node: PyNode): string => {
    if (node instanceof PyTuple) return `(${list(node.items)})`;
    if (node instanceof PyList) return `[${list(node.items)}]`;
    if (node instanceof PyDict) return `{${pairs(node.keys, node.values)}}`;
    if (node instanceof PySet) return `${node.frozen ? 'frozenset' : 'set'} {${list(node.items)}}`;
    if (node instanceof PyExtension) return `extension ${node.code}`;
    if (node instanceof PyBuffer) return `buffer ${node.index}${node.readonly ? ' readonly' : ''}`;
    if (node instanceof PyText) return `text of ${node.range.length} at ${node.range.offset}`;
    if (node instanceof PyBytes) {
      const { type, content } = node;
      if (!(content instanceof Uint8Array)) return `${type} of ${content.length} at ${content.offset}`;
      return `${type} ${Buffer.from(content).toString('hex')}`;
    }
    const { construct, callable, args, kwargs, effects = [] } = node as PyObject;
    const called = `${inside(callable)} ${inside(args)}${kwargs === undefined ? '' : ` ${inside(kwargs)}`}`;
    return `${construct} ${called}${effects.map(effect).join('')}`;
  };
  return inside(root);
}

function countUses(root: Value, uses: Map<PyNode, number>): void {
  const open: Value[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (value instanceof PyPersistent) {
      open.push(value.id);
      continue;
    }
    uses.set(value, (uses.get(value) ?? 0) + 1);
    if ((uses.get(value) ?? 0) > 1) continue;
    if (value instanceof PyTuple || value instanceof PyList || value instanceof PySet)
      open.push(...value.items);
    else if (value instanceof PyDict) open.push(...value.keys, ...value.values);
    else if (value instanceof PyObject) {
      open.push(value.callable, value.args, value.kwargs ?? null);
      for (const effect of value.effects ?? []) {
        if (effect.op === 'set') open.push(...effect.keys, ...effect.values);
        else if (effect.op === 'build') open.push(effect.state);
        else open.push(...effect.items);
      }
    }
  }
}
