import {
  isNode,
  PyDict,
  PyList,
  type PyNode,
  PyObject,
  PyPersistent,
  PySet,
  PyTuple,
  type Value,
} from './values.ts';

/**
 * Puts other values in the place of nodes, wherever in a graph they stand, keys and persistent ids included. Every node is asked
 * about once, parents before children; what is put in is not asked about, and entered only on request.
 *
 * @param replacement What shall stand for a node; undefined where it stays.
 * @param within `entered` where what is put in holds values of the graph that are to be asked about too.
 * @returns the root, or what stands for it.
 */
export function replaceNodes(
  root: Value,
  replacement: (node: PyNode) => Value | undefined,
  within: 'entered' | 'left' = 'left',
): Value {
  const replaced = new Map<PyNode, Value>();
  const kept = new Set<PyNode>();
  const open: PyNode[] = [];

  const settle = (value: Value): Value => {
    if (!isNode(value) || kept.has(value)) return value;
    const known = replaced.get(value);
    if (known !== undefined) return known;
    const other = replacement(value);
    if (other !== undefined) {
      replaced.set(value, other);
      if (within === 'entered' && isNode(other) && !kept.has(other)) {
        kept.add(other);
        open.push(other);
      }
      return other;
    }
    kept.add(value);
    open.push(value);
    return value;
  };

  const result = settle(root);
  for (let node = open.pop(); node !== undefined; node = open.pop()) settleChildren(node, settle);
  return result;
}

function settleChildren(node: PyNode, settle: (value: Value) => Value): void {
  if (node instanceof PyTuple || node instanceof PyList || node instanceof PySet)
    settleAll(node.items, settle);
  else if (node instanceof PyDict) {
    settleAll(node.keys, settle);
    settleAll(node.values, settle);
  } else if (node instanceof PyPersistent) node.id = settle(node.id);
  else if (node instanceof PyObject) {
    node.callable = settle(node.callable);
    node.args = settle(node.args);
    if (node.kwargs !== undefined) node.kwargs = settle(node.kwargs);
    for (const effect of node.effects ?? []) {
      if (effect.op === 'build') effect.state = settle(effect.state);
      else if (effect.op === 'set') {
        settleAll(effect.keys, settle);
        settleAll(effect.values, settle);
      } else settleAll(effect.items, settle);
    }
  }
}

/** Shows every value that a node holds: items, keys, values, what is called, arguments, states, persistent ids. */
export function eachPart(node: PyNode, see: (value: Value) => void): void {
  settleChildren(node, (value) => {
    see(value);
    return value;
  });
}

/** Writes only what changes: the items of the empty tuple are frozen. */
function settleAll(items: Value[], settle: (value: Value) => Value): void {
  for (let i = 0; i < items.length; i++) {
    const value = items[i] as Value;
    const settled = settle(value);
    if (settled !== value) items[i] = settled;
  }
}
