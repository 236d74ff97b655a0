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

const NO_CHILDREN: readonly Growing[] = [];
/** Children up to this number are looked through; a map for each of 100 000 small modules would cost more than the names. */
const FEW = 32;

class Growing implements Branch {
  readonly label: string;
  children: readonly Growing[] = NO_CHILDREN;
  tensor: TensorEntry | undefined = undefined;
  tensors = 0;
  elements = 0;
  bytes = 0;
  likeness = 0;
  #byLabel: Map<string, Growing> | undefined = undefined;

  constructor(label: string) {
    this.label = label;
  }

  /** The child that was made last. */
  get last(): Growing | undefined {
    return this.children[this.children.length - 1];
  }

  child(label: string): Growing | undefined {
    if (this.#byLabel) return this.#byLabel.get(label);
    return this.children.find((each) => each.label === label);
  }

  grow(label: string): Growing {
    const child = new Growing(label);
    if (this.children === NO_CHILDREN) this.children = [];
    (this.children as Growing[]).push(child);
    if (this.#byLabel) {
      if (!this.#byLabel.has(label)) this.#byLabel.set(label, child);
    } else if (this.children.length > FEW) {
      this.#byLabel = new Map();
      for (const each of this.children)
        if (!this.#byLabel.has(each.label)) this.#byLabel.set(each.label, each);
    }
    return child;
  }
}

/** The tree of the dotted names, children in the order of the file. */
export function growTree(tensors: readonly TensorEntry[]): Branch {
  const root = new Growing('');
  for (const tensor of tensors) leafOf(root, tensor.name).tensor = tensor;
  finish(root, new Likenesses());
  return root;
}

const DOT = 0x2e;

/** Goes down to the leaf of a name, making what is not there yet. */
function leafOf(root: Growing, name: string): Growing {
  let at = root;
  let start = 0;
  for (let level = 0; ; level++) {
    const isDeepest = level === MAX_LEVELS - 1;
    // a tensor mostly stands in the module of the one before it: then no part of the name has to be cut out
    const { last } = at;
    if (last && !isDeepest && name.charCodeAt(start + last.label.length) === DOT) {
      if (name.startsWith(last.label, start)) {
        at = last;
        start += last.label.length + 1;
        continue;
      }
    }
    const end = isDeepest ? -1 : name.indexOf('.', start);
    const label = end < 0 ? name.slice(start) : name.slice(start, end);
    const child = at.child(label);
    // two entries of the same name (a key 1 beside a key "1") are two leaves
    if (end < 0) return child && !child.tensor ? child : at.grow(label);
    at = child ?? at.grow(label);
    start = end + 1;
  }
}

/** Numbers for what is alike, so that modules are compared by a number. */
class Likenesses {
  readonly #numbers = new Map<string, number>();
  #last: TensorEntry | undefined;
  #lastNumber = 0;

  of(signature: string): number {
    let number = this.#numbers.get(signature);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(signature, number);
    }
    return number;
  }

  ofTensor(tensor: TensorEntry): number {
    // neighbours are alike more often than not
    if (this.#last === undefined || !isAlike(tensor, this.#last)) {
      this.#last = tensor;
      this.#lastNumber = this.of(signatureOf(tensor));
    }
    return this.#lastNumber;
  }
}

function isAlike(a: TensorEntry, b: TensorEntry): boolean {
  return (
    a.kind === b.kind &&
    a.dtype === b.dtype &&
    a.location === b.location &&
    a.shape.length === b.shape.length &&
    a.shape.every((size, dim) => size === b.shape[dim])
  );
}

function signatureOf({ kind, dtype, shape, location }: TensorEntry): string {
  return `${kind} ${dtype} ${shape.join()} ${location}`;
}

/** Sums up from the leaves. Levels are few, so this may recurse. */
function finish(branch: Growing, likenesses: Likenesses): void {
  const { tensor } = branch;
  if (tensor) {
    branch.tensors = 1;
    branch.bytes = Number(tensor.bytes);
    branch.elements = isParameter(tensor) ? Number(tensor.elements) : 0;
    if (branch.children.length === 0) {
      branch.likeness = likenesses.ofTensor(tensor);
      return;
    }
  }
  let signature = tensor ? signatureOf(tensor) : '';
  for (const child of branch.children) {
    finish(child, likenesses);
    branch.tensors += child.tensors;
    branch.elements += child.elements;
    branch.bytes += child.bytes;
    signature += `\n${child.label}\t${child.likeness}`;
  }
  branch.likeness = likenesses.of(signature);
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
