import { eachChild } from '../../checkpoint/children.ts';
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
} from '../../pickle/values.ts';
import type { Screen } from './screen.ts';
import { visible } from './text.ts';

/** Characters of one string. */
const LONGEST_TEXT = 200;
/** Characters of a container that stands in one line. */
const LONGEST_LINE = 100;
/** Containers in each other that may stand in one line. */
const INLINE_DEPTH = 3;
/** Levels that are indented; deeper ones stand below each other. */
const DEEPEST_INDENT = 20;

/** A part of the output that is still to come: a line, or a value behind its label. */
type Pending =
  | { readonly text: string }
  | { readonly label: string; readonly value: Value; readonly depth: number };

/**
 * The values that a pickle describes, as Python would write them: what would be called stands as the call, executed by nobody. A
 * container that stands in several places is written once, with a number, and named by that number afterwards. Line by line, however
 * deep and long.
 */
export function* pickleValueLines(root: Value, screen: Screen): Generator<string> {
  const shared = sharedNodes(root);
  /** Of those that were written. */
  const numbers = new Map<PyNode, number>();
  const pending: Pending[] = [{ label: '', value: root, depth: 0 }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if ('text' in next) {
      yield next.text;
      continue;
    }
    const { label, value, depth } = next;
    const indent = '  '.repeat(Math.min(depth, DEEPEST_INDENT));
    const comma = depth > 0 ? ',' : '';
    const known = isNode(value) ? numbers.get(value) : undefined;
    if (known !== undefined) {
      yield `${indent}${label}<see #${known}>${comma}`;
      continue;
    }
    let mark = '';
    if (isNode(value) && shared.has(value)) {
      numbers.set(value, numbers.size + 1);
      mark = `#${numbers.size} = `;
    }
    const line = inline(value, shared, screen, INLINE_DEPTH);
    if (line !== undefined && line.length <= LONGEST_LINE) {
      yield `${indent}${label}${mark}${line}${comma}`;
      continue;
    }
    const [open, close] = brackets(value as PyNode, screen);
    yield `${indent}${label}${mark}${open}`;
    pending.push({ text: `${indent}${close}${comma}` });
    pending.push(...parts(value as PyNode, depth + 1, screen).reverse());
  }
}

/** Containers that stand in several places. */
function sharedNodes(root: Value): Set<PyNode> {
  const seen = new Set<PyNode>();
  const shared = new Set<PyNode>();
  const pending: Value[] = [root];
  while (pending.length > 0) {
    const node = pending.pop() as Value;
    if (!isContainer(node)) continue;
    if (seen.has(node)) {
      shared.add(node);
      continue;
    }
    seen.add(node);
    for (const child of childrenOf(node)) if (isContainer(child)) pending.push(child);
  }
  return shared;
}

function isContainer(value: Value): value is PyNode {
  if (value instanceof PyTuple) return value.items.length > 0;
  return (
    value instanceof PyList || value instanceof PyDict || value instanceof PySet || value instanceof PyObject
  );
}

function childrenOf(node: PyNode): Value[] {
  const children: Value[] = [];
  eachChild(node, (child) => children.push(child));
  return children;
}

function brackets(node: PyNode, { unicode }: Screen): [string, string] {
  if (node instanceof PyDict) return ['{', '}'];
  if (node instanceof PyList) return ['[', ']'];
  if (node instanceof PyTuple) return ['(', ')'];
  if (node instanceof PySet) return node.frozen ? ['frozenset({', '})'] : ['{', '}'];
  if (node instanceof PyPersistent) return ['persistent(', ')'];
  if (node instanceof PyObject) return [`${calleeText(node, unicode)}(`, ')'];
  return ['', ''];
}

function calleeText({ callable, construct }: PyObject, unicode: boolean): string {
  const name = callable instanceof PyGlobal ? visible(callable.qualifiedName, unicode) : '<computed>';
  return construct === 'newobj' || construct === 'newobj-ex' ? `${name}.__new__` : name;
}

function parts(node: PyNode, depth: number, screen: Screen): Pending[] {
  if (node instanceof PyDict)
    return node.values.map((value, index) => ({
      label: keyLabel(node.keys[index] as Value, screen),
      value,
      depth,
    }));
  if (node instanceof PyList || node instanceof PyTuple || node instanceof PySet)
    return node.items.map((value) => ({ label: '', value, depth }));
  if (node instanceof PyPersistent) return [{ label: '', value: node.id, depth }];
  if (!(node instanceof PyObject)) return [];
  const { callable, args, kwargs, effects = [] } = node;
  return [
    ...(callable instanceof PyGlobal ? [] : [{ label: 'callable: ', value: callable, depth }]),
    ...(args instanceof PyTuple ? args.items : [args]).map((value) => ({ label: '', value, depth })),
    ...(kwargs === undefined ? [] : [{ label: '**', value: kwargs, depth }]),
    ...effects.flatMap((effect): Pending[] => {
      if (effect.op === 'build') return [{ label: 'state: ', value: effect.state, depth }];
      if (effect.op === 'set')
        return effect.values.map((value, index) => ({
          label: `[${keyLabel(effect.keys[index] as Value, screen).slice(0, -2)}] = `,
          value,
          depth,
        }));
      return effect.items.map((value) => ({ label: `${effect.op}: `, value, depth }));
    }),
  ];
}

function keyLabel(key: Value, screen: Screen): string {
  return `${inline(key, new Set(), screen, INLINE_DEPTH) ?? '<key>'}: `;
}

/** A value in one line; undefined where it is too deep, too long or holds what stands elsewhere. */
function inline(
  value: Value,
  shared: ReadonlySet<PyNode>,
  screen: Screen,
  depth: number,
): string | undefined {
  const leaf = leafText(value, screen);
  if (leaf !== undefined) return leaf;
  const node = value as PyNode;
  if (depth === 0) return undefined;
  const own = parts(node, 0, screen);
  if (own.length > 12) return undefined;
  const texts: string[] = [];
  for (const part of own) {
    if ('text' in part) continue;
    if (isNode(part.value) && shared.has(part.value)) return undefined;
    const text = inline(part.value, shared, screen, depth - 1);
    if (text === undefined || text.length > LONGEST_LINE) return undefined;
    texts.push(part.label + text);
  }
  const [open, close] = brackets(node, screen);
  const comma = node instanceof PyTuple && texts.length === 1 ? ',' : '';
  return `${open}${texts.join(', ')}${comma}${close}`;
}

function leafText(value: Value, { unicode }: Screen): string | undefined {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return `'${visible(cut(value), unicode).replaceAll("'", "\\'")}'`;
  if (typeof value !== 'object') return cut(String(value));
  if (value instanceof PyFloat)
    return Number.isInteger(value.value)
      ? value.value.toFixed(1)
      : String(value.value).replace('Infinity', 'inf');
  if (value instanceof PyText) return `<str of ${value.range.length} bytes>`;
  if (value instanceof PyBytes) return `<${value.type} of ${value.length} bytes>`;
  if (value instanceof PyGlobal) return visible(value.qualifiedName, unicode);
  if (value instanceof PyExtension) return `<extension ${value.code}>`;
  if (value instanceof PyBuffer) return `<buffer ${value.index}>`;
  return undefined;
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)` : text;
}
