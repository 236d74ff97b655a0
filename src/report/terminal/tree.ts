import { dtypeByName } from '../../torch/dtypes.ts';
import type { TensorEntry } from '../inspect-document.ts';

/** A part of the dotted names: a module, a tensor, or, where a file holds both `a` and `a.b`, the two in one. */
export interface Branch {
  readonly label: string;
  readonly children: readonly Branch[];
  readonly tensor: TensorEntry | undefined;
  /** Sums over the branch. Elements are those of floating-point and quantized tensors. */
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
  /** Equal for branches that hold the same names, dtypes, shapes and locations. */
  readonly likeness: number;
}

/**
 * Parts of a name that become levels; what is deeper stays one label. Models stay below twenty, and the walk over the
 * tree recurses.
 */
const MAX_LEVELS = 32;

interface Growing {
  label: string;
  children: Map<string, Growing> | undefined;
  tensor: TensorEntry | undefined;
}

/** The tree of the dotted names, children in the order of the file. */
export function growTree(tensors: readonly TensorEntry[]): Branch {
  const root: Growing = { label: '', children: undefined, tensor: undefined };
  for (const tensor of tensors) {
    let at = root;
    const parts = partsOf(tensor.name);
    for (const [level, part] of parts.entries()) {
      at.children ??= new Map();
      let child = at.children.get(part);
      // two entries of the same name (a key 1 beside a key "1") are two leaves
      if (child?.tensor && level === parts.length - 1) child = undefined;
      if (!child) {
        child = { label: part, children: undefined, tensor: undefined };
        at.children.set(at.children.has(part) ? `${part}\u0000${at.children.size}` : part, child);
      }
      at = child;
    }
    at.tensor = tensor;
  }
  return finish(root, new Map());
}

function partsOf(name: string): string[] {
  const parts = name.split('.', MAX_LEVELS);
  if (parts.length < MAX_LEVELS) return parts;
  const upper = parts.slice(0, MAX_LEVELS - 1);
  upper.push(name.slice(upper.reduce((length, part) => length + part.length + 1, 0)));
  return upper;
}

function finish(growing: Growing, likenesses: Map<string, number>): Branch {
  const children = growing.children
    ? [...growing.children.values()].map((each) => finish(each, likenesses))
    : [];
  const { tensor } = growing;
  const sums = { tensors: 0, elements: 0, bytes: 0 };
  let signature = '';
  if (tensor) {
    sums.tensors = 1;
    sums.bytes = Number(tensor.bytes);
    sums.elements = isParameter(tensor) ? Number(tensor.elements) : 0;
    signature = `${tensor.kind} ${tensor.dtype} ${tensor.shape.join()} ${tensor.location}`;
  }
  for (const child of children) {
    sums.tensors += child.tensors;
    sums.elements += child.elements;
    sums.bytes += child.bytes;
    signature += `\n${child.label}\t${child.likeness}`;
  }
  let likeness = likenesses.get(signature);
  if (likeness === undefined) {
    likeness = likenesses.size;
    likenesses.set(signature, likeness);
  }
  return { label: growing.label, children, tensor, ...sums, likeness };
}

function isParameter({ dtype }: TensorEntry): boolean {
  const family = dtypeByName(dtype)?.family;
  return family === 'float' || family === 'quantized';
}

/** Modules with one child only, joined to one label: `state_dict.module`. */
export function joinChain(branch: Branch): Branch {
  let label = branch.label;
  let at = branch;
  while (at.children.length === 1 && !at.tensor) {
    at = at.children[0] as Branch;
    label += `.${at.label}`;
  }
  return at === branch ? branch : { ...at, label };
}

/** Siblings that differ in their number only: `0` to `47`, each with the same 12 tensors. */
export interface Run {
  readonly members: readonly Branch[];
  /** What stands before and after the number. */
  readonly prefix: string;
  readonly first: string;
  readonly last: string;
}

/** Two modules that are alike fold; of bare tensors it takes more to be worth a line that says so. */
const MIN_RUN_OF_MODULES = 2;
const MIN_RUN_OF_TENSORS = 4;

/** Splits siblings into runs of alike, consecutively numbered ones; a run of one is a branch as it is. */
export function runsOf(siblings: readonly Branch[]): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < siblings.length; ) {
    const start = siblings[at] as Branch;
    const number = numberOf(start.label);
    let end = at + 1;
    while (number && end < siblings.length && follows(siblings[end] as Branch, start, number, end - at))
      end += 1;
    const least = start.children.length > 0 ? MIN_RUN_OF_MODULES : MIN_RUN_OF_TENSORS;
    if (number && end - at >= least) {
      const last = numberOf((siblings[end - 1] as Branch).label)?.digits as string;
      runs.push({ members: siblings.slice(at, end), prefix: number.prefix, first: number.digits, last });
    } else {
      for (const each of siblings.slice(at, end)) {
        runs.push({ members: [each], prefix: each.label, first: '', last: '' });
      }
    }
    at = end;
  }
  return runs;
}

function numberOf(label: string): { prefix: string; digits: string } | undefined {
  const match = /^(.*?)(\d{1,9})$/s.exec(label);
  return match ? { prefix: match[1] as string, digits: match[2] as string } : undefined;
}

function follows(
  branch: Branch,
  start: Branch,
  number: { prefix: string; digits: string },
  distance: number,
): boolean {
  if (branch.likeness !== start.likeness) return false;
  const own = numberOf(branch.label);
  return own?.prefix === number.prefix && Number(own.digits) === Number(number.digits) + distance;
}
