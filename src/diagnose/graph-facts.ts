import { heldBy, segmentOf } from '../checkpoint/children.ts';
import { type Path, pathName } from '../checkpoint/path.ts';
import { TensorCall } from '../pickle/tensor-call.ts';
import {
  callableName,
  entriesOf,
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

/** Findings of one kind that are remembered; a file can have one at every key. */
const MOST_NAMES = 1000;
/** Python's pickler goes no deeper than its recursion limit of 1000, at three levels of calls a container. */
const DEEPEST = 1000;
/** Values that a reader would meet which does not notice what is shared. No model has as many. */
const MOST_LEAVES = 1e7;
/** And how many times over each would be met: half a million tensors under two names are no bomb. */
const LEAST_FACTOR = 100;
/** Control characters, those that turn the writing direction, line separators and what has no width. */
const UNSEEN = /[\0-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff]/u;

/** How the values of a checkpoint hang together, where no saved model has them hang so. */
export interface GraphFacts {
  /** Where containers alone hold themselves: pickled objects may know their parents, data does not. */
  readonly cycles: readonly Path[];
  /** Where a container stands deeper than any pickler goes, and how deep the deepest is. */
  readonly deep: { readonly place: Path; readonly depth: number } | undefined;
  /** Values as a reader counts them that meets every shared container at each of its places; undefined where that is no danger. */
  readonly expansion: number | undefined;
  /** Keys that are set twice, as Python compares them: `1`, `1.0` and `True` are one key. */
  readonly repeated: readonly string[];
  /** Names of tensors that a terminal or a log would not show as they are. */
  readonly unseen: readonly string[];
  /** Dicts of tensors whose keys are of several types, or of such as neither names nor numbers are. */
  readonly mixed: readonly Path[];
}

interface Frame {
  readonly node: PyNode;
  readonly children: readonly PyNode[];
  readonly segments: readonly (string | number)[];
  next: number;
  depth: number;
  leaves: number;
}

/** Goes through every container once. Tensors are entered no further. */
export function graphFacts(root: Value): GraphFacts {
  const cycles: Path[] = [];
  const repeated: string[] = [];
  const unseen: string[] = [];
  const mixed: Path[] = [];
  const done = new Map<PyNode, { depth: number; leaves: number }>();
  const open = new Map<PyNode, number>();
  const frames: Frame[] = [];
  let deep: GraphFacts['deep'];
  let values = 0;
  let total = { depth: 0, leaves: 0 };

  const place = (): Path => frames.slice(0, -1).map((frame) => frame.segments[frame.next - 1] ?? '');
  const enter = (node: PyNode): void => {
    const children: PyNode[] = [];
    const segments: (string | number)[] = [];
    let leaves = 0;
    for (const held of heldBy(node)) {
      values += held.values.length;
      for (let index = 0; index < held.values.length; index++) {
        const child = held.values[index] as Value;
        if (!isContainer(child)) leaves++;
        else {
          children.push(child);
          segments.push(segmentOf(held, index));
        }
      }
    }
    open.set(node, frames.length);
    frames.push({ node, children, segments, next: 0, depth: 1, leaves });
    if (frames.length > DEEPEST && (!deep || frames.length > deep.depth))
      deep = { place: deep?.place ?? place(), depth: frames.length };
    noteKeys(node, place, { repeated, unseen, mixed });
  };

  if (isContainer(root)) enter(root);
  while (frames.length > 0) {
    const frame = frames.at(-1) as Frame;
    const child = frame.children[frame.next];
    if (child) {
      frame.next++;
      const known = done.get(child);
      const from = open.get(child);
      if (known) join(frame, known);
      else if (from === undefined) enter(child);
      else if (cycles.length < MOST_NAMES && frames.slice(from).every(({ node }) => isPlain(node)))
        cycles.push([...place(), frame.segments[frame.next - 1] ?? '']);
      continue;
    }
    frames.pop();
    open.delete(frame.node);
    done.set(frame.node, frame);
    const parent = frames.at(-1);
    if (parent) join(parent, frame);
    else total = frame;
  }
  const bomb = total.leaves > MOST_LEAVES && total.leaves > LEAST_FACTOR * values;
  return { cycles, deep, expansion: bomb ? total.leaves : undefined, repeated, unseen, mixed };
}

function join(frame: Frame, { depth, leaves }: { depth: number; leaves: number }): void {
  frame.depth = Math.max(frame.depth, depth + 1);
  frame.leaves += leaves;
}

function isContainer(value: Value): value is PyNode {
  // nearly all that large mappings hold
  if (value instanceof TensorCall || !isNode(value)) return false;
  if (value instanceof PyObject) return !isTensor(value);
  return (
    value instanceof PyDict || value instanceof PyList || value instanceof PyTuple || value instanceof PySet
  );
}

/** The tensors of all that torch.save writes are calls of functions with such a name. */
function isTensor(value: Value): boolean {
  return (
    value instanceof TensorCall ||
    (value instanceof PyObject &&
      value.callable instanceof PyGlobal &&
      value.callable.name.startsWith('_rebuild'))
  );
}

function isPlain(node: PyNode): boolean {
  return !(node instanceof PyObject) || callableName(node)?.startsWith('collections.') === true;
}

type Notes = { [Kind in 'repeated' | 'unseen']: string[] } & { mixed: Path[] };

function noteKeys(node: PyNode, place: () => Path, { repeated, unseen, mixed }: Notes): void {
  const entries = entriesOf(node);
  if (!entries || entries.keys.length === 0) return;
  const { keys, values } = entries;
  if (keys.length > 1 && repeated.length < MOST_NAMES) noteRepeated(keys, place, repeated);
  if (!values.some(isTensor)) return;
  const kind = kindOf(keys[0] as Value);
  let isMixed = kind === 'other';
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as Value;
    if (typeof key !== 'string') isMixed ||= kindOf(key) !== kind;
    else {
      isMixed ||= kind !== 'name';
      if (UNSEEN.test(key) && unseen.length < MOST_NAMES && isTensor(values[index] as Value))
        unseen.push(pathName([...place(), key]));
    }
  }
  if (isMixed && mixed.length < MOST_NAMES) mixed.push(place());
}

function noteRepeated(keys: readonly Value[], place: () => Path, repeated: string[]): void {
  // names alone, each once: nearly every mapping
  if (new Set(keys).size === keys.length && keys.every((key) => typeof key === 'string')) return;
  const seen = new Set<unknown>();
  for (const key of keys) {
    const same = sameAs(key);
    if (same === undefined) continue;
    if (seen.has(same) && repeated.length < MOST_NAMES)
      repeated.push(pathName([...place(), typeof key === 'string' ? key : String(same)]));
    seen.add(same);
  }
}

/** What two keys have in common that are one to Python; undefined for keys that are compared by their content. */
function sameAs(key: Value): unknown {
  if (key instanceof PyFloat) return key.value;
  if (typeof key === 'boolean') return Number(key);
  return isNode(key) ? undefined : key;
}

function kindOf(key: Value): 'name' | 'number' | 'other' {
  if (typeof key === 'string') return 'name';
  return typeof key === 'number' || typeof key === 'bigint' ? 'number' : 'other';
}
