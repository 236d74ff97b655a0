import { dtypeByName } from '../../torch/dtypes.ts';
import type { TensorEntry } from '../inspect-document.ts';

/** Parts of a name that become levels; what is deeper stays one label. Models stay below twenty, and the walk over the tree recurses. */
const MAX_LEVELS = 32;
/** Children up to this number are looked through; a map for each of 100 000 small modules would cost more than the names. */
const FEW = 32;
const DOT = 0x2e;

/**
 * A part of the dotted names: a module, a tensor, or, where a file holds both `a` and `a.b`, the two in one. What is below it is
 * worked out when it is asked for: of a hundred thousand tensors a screen shows a few.
 */
export class Branch {
  readonly label: string;
  /** The tensors of the branch, in the order of the file; their names are the same up to `#start`. */
  readonly #entries: readonly TensorEntry[];
  /** Where in the names the parts below begin. */
  readonly #start: number;
  readonly #level: number;
  #children: readonly Branch[] | undefined;
  #sums: Sums | undefined;

  constructor(label: string, entries: readonly TensorEntry[], start: number, level: number) {
    this.label = label;
    this.#entries = entries;
    this.#start = start;
    this.#level = level;
  }

  /** How many there are in the branch. */
  get tensors(): number {
    return this.#entries.length;
  }

  /** The tensor whose name the branch itself is. */
  get tensor(): TensorEntry | undefined {
    return this.#entries.find(({ name }) => name.length < this.#start);
  }

  /** In the order of the file. */
  get children(): readonly Branch[] {
    this.#children ??= grow(this.#entries, this.#start, this.#level);
    return this.#children;
  }

  /** Sum over the floating-point and quantized tensors. */
  get elements(): number {
    this.#sums ??= sumsOf(this.#entries);
    return this.#sums.elements;
  }

  get bytes(): number {
    this.#sums ??= sumsOf(this.#entries);
    return this.#sums.bytes;
  }

  /** Whether both hold the same names below them, with the same dtypes, shapes and locations. */
  isLike(other: Branch): boolean {
    if (this.tensors !== other.tensors) return false;
    return this.#entries.every((entry, index) => {
      const beside = other.#entries[index] as TensorEntry;
      return isAlike(entry, beside) && entry.name.slice(this.#start) === beside.name.slice(other.#start);
    });
  }
}

interface Sums {
  readonly elements: number;
  readonly bytes: number;
}

function sumsOf(entries: readonly TensorEntry[]): Sums {
  let elements = 0;
  let bytes = 0;
  for (const entry of entries) {
    bytes += Number(entry.bytes);
    if (isParameter(entry)) elements += Number(entry.elements);
  }
  return { elements, bytes };
}

function isParameter({ dtype }: TensorEntry): boolean {
  const family = dtypeByName(dtype)?.family;
  return family === 'float' || family === 'quantized';
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

/** The tree of the dotted names. */
export function growTree(tensors: readonly TensorEntry[]): Branch {
  return new Branch('', tensors, 0, 0);
}

/** The tensors that have one label at a level. */
class Group {
  readonly label: string;
  readonly entries: TensorEntry[];
  /** One of them has nothing behind the label. */
  isTensor = false;

  constructor(label: string, first: TensorEntry) {
    this.label = label;
    // of one: an array that grows by push takes room for 17
    this.entries = [first];
  }
}

/** The groups of one level, in the order in which they are made. */
class Groups {
  readonly all: Group[] = [];
  #byLabel: Map<string, Group> | undefined;

  find(label: string): Group | undefined {
    return this.#byLabel ? this.#byLabel.get(label) : this.all.find((group) => group.label === label);
  }

  make(label: string, first: TensorEntry): Group {
    const group = new Group(label, first);
    this.all.push(group);
    if (this.#byLabel) this.#note(group);
    else if (this.all.length > FEW) {
      this.#byLabel = new Map();
      for (const each of this.all) this.#note(each);
    }
    return group;
  }

  #note(group: Group): void {
    if (!this.#byLabel?.has(group.label)) this.#byLabel?.set(group.label, group);
  }
}

function grow(entries: readonly TensorEntry[], start: number, level: number): readonly Branch[] {
  const groups = new Groups();
  const isDeepest = level === MAX_LEVELS - 1;
  let last: Group | undefined;
  for (const entry of entries) {
    const { name } = entry;
    if (name.length < start) continue;
    // a tensor mostly stands in the module of the one before it: then no part of the name has to be cut out
    if (last && !isDeepest && name.charCodeAt(start + last.label.length) === DOT) {
      if (name.startsWith(last.label, start)) {
        last.entries.push(entry);
        continue;
      }
    }
    const end = isDeepest ? -1 : name.indexOf('.', start);
    const label = end < 0 ? name.slice(start) : name.slice(start, end);
    const known = groups.find(label);
    // two entries of the same name (a key 1 beside a key "1") are two leaves
    if (known && !(end < 0 && known.isTensor)) {
      known.entries.push(entry);
      last = known;
    } else last = groups.make(label, entry);
    if (end < 0) last.isTensor = true;
  }
  return groups.all.map(
    ({ label, entries: own }) => new Branch(label, own, start + label.length + 1, level + 1),
  );
}

/** A branch as a line shows it: modules with one child only are joined to one label, `state_dict.module`. */
export interface Chain {
  readonly label: string;
  /** The last of them. */
  readonly branch: Branch;
}

export function chainOf(branch: Branch): Chain {
  let { label } = branch;
  let at = branch;
  while (at.children.length === 1 && !at.tensor) {
    at = at.children[0] as Branch;
    label += `.${at.label}`;
  }
  return { label, branch: at };
}

/** Siblings that differ in their number only: `0` to `47`, each with the same 12 tensors. */
export interface Run {
  readonly members: readonly Branch[];
  /** What stands before the number. */
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
    const isModule = end > at + 1 && chainOf(start).branch.children.length > 0;
    const least = isModule ? MIN_RUN_OF_MODULES : MIN_RUN_OF_TENSORS;
    if (number && end - at >= least) {
      const last = numberOf((siblings[end - 1] as Branch).label)?.digits as string;
      runs.push({ members: siblings.slice(at, end), prefix: number.prefix, first: number.digits, last });
    } else for (const each of siblings.slice(at, end)) runs.push(runOfOne(each));
    at = end;
  }
  return runs;
}

export function runOfOne(branch: Branch): Run {
  return { members: [branch], prefix: '', first: '', last: '' };
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
  const own = numberOf(branch.label);
  if (own?.prefix !== number.prefix || Number(own.digits) !== Number(number.digits) + distance) return false;
  return branch.isLike(start);
}
