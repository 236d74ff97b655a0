import { locationOf, type Tensor } from '../../checkpoint/tensor.ts';

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
  readonly #tensors: readonly Tensor[];
  /** Where in the names the parts below begin. */
  readonly #start: number;
  readonly #level: number;
  /** Up to where their names are the same, if that is known to be beyond `#start`. */
  readonly #shared: number;
  #growth: Growth | undefined;
  #sums: Sums | undefined;
  #ends: readonly string[] | undefined;

  constructor(label: string, tensors: readonly Tensor[], start: number, level: number, shared = start) {
    this.label = label;
    this.#tensors = tensors;
    this.#start = start;
    this.#level = level;
    this.#shared = shared;
  }

  /** How many there are in the branch. */
  get tensors(): number {
    return this.#tensors.length;
  }

  /** The tensor whose name the branch itself is. */
  get tensor(): Tensor | undefined {
    return this.#grown.tensor;
  }

  /** In the order of the file. */
  get children(): readonly Branch[] {
    return this.#grown.children;
  }

  get #grown(): Growth {
    this.#growth ??= grow(this.#tensors, this.#start, this.#level, this.#shared);
    return this.#growth;
  }

  /** Sum over the floating-point and quantized tensors. */
  get elements(): number {
    this.#sums ??= sumsOf(this.#tensors);
    return this.#sums.elements;
  }

  get bytes(): number {
    this.#sums ??= sumsOf(this.#tensors);
    return this.#sums.bytes;
  }

  /** Whether both hold the same names below them, with the same dtypes, shapes and locations. */
  isLike(other: Branch): boolean {
    const own = this.#tensors;
    const others = other.#tensors;
    if (own.length !== others.length) return false;
    const start = this.#start;
    const endings = other.#endings();
    for (let index = 0; index < own.length; index++) {
      const tensor = own[index] as Tensor;
      const ending = endings[index] as string;
      // the tensor that the branch itself is ends before `start`
      const length = Math.max(0, tensor.name.length - start);
      if (length !== ending.length || !tensor.name.endsWith(ending)) return false;
      if (!isAlike(tensor, others[index] as Tensor)) return false;
    }
    return true;
  }

  /** What stands in the names behind `#start`; one branch is held against many that follow it. */
  #endings(): readonly string[] {
    this.#ends ??= this.#tensors.map(({ name }) => name.slice(this.#start));
    return this.#ends;
  }
}

interface Sums {
  readonly elements: number;
  readonly bytes: number;
}

function sumsOf(tensors: readonly Tensor[]): Sums {
  let elements = 0;
  let bytes = 0;
  for (let index = 0; index < tensors.length; index++) {
    const tensor = tensors[index] as Tensor;
    const { family } = tensor.dtype;
    bytes += tensor.bytes;
    if (family === 'float' || family === 'quantized') elements += tensor.elements;
  }
  return { elements, bytes };
}

function isAlike(a: Tensor, b: Tensor): boolean {
  return (
    a.kind === b.kind &&
    a.dtype.name === b.dtype.name &&
    locationOf(a) === locationOf(b) &&
    // equal shapes mostly are one
    (a.shape === b.shape ||
      (a.shape.length === b.shape.length && a.shape.every((size, dim) => size === b.shape[dim])))
  );
}

/** The tree of the dotted names. */
export function growTree(tensors: readonly Tensor[]): Branch {
  return new Branch('', tensors, 0, 0);
}

/** The tensors that have one label at a level. */
class Group {
  readonly label: string;
  /** One of them has nothing behind the label. */
  isTensor = false;
  readonly #all: readonly Tensor[];
  /** They stand in the list of all from here to there, as long as no others stand between them. */
  readonly #from: number;
  #to: number;
  #scattered: Tensor[] | undefined;

  constructor(label: string, all: readonly Tensor[], first: number) {
    this.label = label;
    this.#all = all;
    this.#from = first;
    this.#to = first + 1;
  }

  add(index: number): void {
    if (!this.#scattered && index === this.#to) {
      this.#to++;
      return;
    }
    this.#scattered ??= this.#all.slice(this.#from, this.#to);
    this.#scattered.push(this.#all[index] as Tensor);
  }

  /** In the order of the file. */
  get tensors(): readonly Tensor[] {
    if (this.#scattered) return this.#scattered;
    return this.#to - this.#from === this.#all.length ? this.#all : this.#all.slice(this.#from, this.#to);
  }
}

/** The groups of one level, in the order in which they are made. */
class Groups {
  readonly all: Group[] = [];
  #byLabel: Map<string, Group> | undefined;

  find(label: string): Group | undefined {
    return this.#byLabel ? this.#byLabel.get(label) : this.all.find((group) => group.label === label);
  }

  add(group: Group): void {
    this.all.push(group);
    if (this.#byLabel) this.#note(group);
    else if (this.all.length > FEW) {
      this.#byLabel = new Map();
      for (const each of this.all) this.#note(each);
    }
  }

  #note(group: Group): void {
    if (!this.#byLabel?.has(group.label)) this.#byLabel?.set(group.label, group);
  }
}

/** What is below a branch. */
interface Growth {
  readonly children: readonly Branch[];
  /** The tensor whose name the branch itself is; of two such the first. */
  readonly tensor: Tensor | undefined;
}

function grow(tensors: readonly Tensor[], start: number, level: number, known: number): Growth {
  const groups = new Groups();
  const isDeepest = level === MAX_LEVELS - 1;
  const shared = known > start ? known : sharedEnd(tensors, start);
  if (shared > start && !isDeepest) {
    const { name } = tensors[0] as Tensor;
    const end = name.indexOf('.', start);
    const only = new Branch(name.slice(start, end), tensors, end + 1, level + 1, shared);
    return { children: [only], tensor: undefined };
  }
  let own: Tensor | undefined;
  let last: Group | undefined;
  for (let index = 0; index < tensors.length; index++) {
    const tensor = tensors[index] as Tensor;
    const { name } = tensor;
    if (name.length < start) {
      own ??= tensor;
      continue;
    }
    // a tensor mostly stands in the module of the one before it: then no part of the name has to be cut out
    if (last && !isDeepest && name.charCodeAt(start + last.label.length) === DOT) {
      if (name.startsWith(last.label, start)) {
        last.add(index);
        continue;
      }
    }
    const end = isDeepest ? -1 : name.indexOf('.', start);
    const label = end < 0 ? name.slice(start) : name.slice(start, end);
    const known = groups.find(label);
    // two entries of the same name (a key 1 beside a key "1") are two leaves
    if (known && !(end < 0 && known.isTensor)) {
      known.add(index);
      last = known;
    } else {
      last = new Group(label, tensors, index);
      groups.add(last);
    }
    if (end < 0) last.isTensor = true;
  }
  const children = groups.all.map(
    (group) => new Branch(group.label, group.tensors, start + group.label.length + 1, level + 1),
  );
  return { children, tensor: own };
}

/** Up to where the names of all tensors are the same, dot included: modules in which all of them stand. `start` where there are none. */
function sharedEnd(tensors: readonly Tensor[], start: number): number {
  const first = tensors[0]?.name ?? '';
  let end = first.lastIndexOf('.') + 1;
  let shared = first.slice(0, end);
  for (let index = 1; index < tensors.length && end > start; index++) {
    const { name } = tensors[index] as Tensor;
    while (end > start && !name.startsWith(shared)) {
      // a search from before the first character would find a dot that stands there
      end = end > 1 ? first.lastIndexOf('.', end - 2) + 1 : 0;
      shared = first.slice(0, end);
    }
  }
  return Math.max(start, end);
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

interface NumberedLabel {
  readonly prefix: string;
  readonly digits: string;
}

function numberOf(label: string): NumberedLabel | undefined {
  const match = /^(.*?)(\d{1,9})$/s.exec(label);
  return match ? { prefix: match[1] as string, digits: match[2] as string } : undefined;
}

function follows(branch: Branch, start: Branch, number: NumberedLabel, distance: number): boolean {
  return isNumbered(branch.label, number.prefix, Number(number.digits) + distance) && branch.isLike(start);
}

function isNumbered(label: string, prefix: string, number: number): boolean {
  // as all are that are written in one way
  if (label === prefix + number && number < 1e9 && !/\d$/.test(prefix)) return true;
  const own = numberOf(label);
  return own?.prefix === prefix && Number(own.digits) === number;
}
