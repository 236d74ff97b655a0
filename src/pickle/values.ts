import type { SourceRange } from '../io/byte-source.ts';

/**
 * What a pickle stream describes, as inert data: nothing is imported, called or built.
 *
 * Atoms are JavaScript's own: `None` is null, bools are booleans, ints are numbers while they are safe integers and bigints
 * beyond, `str` is a string (lone surrogates included, as Python's `surrogatepass` keeps them). All else is a node below.
 * One node stands for one Python object: where the stream shares an object through its memo, the same node stands twice.
 */
export type Value = null | boolean | number | bigint | string | PyNode;

export type PyNode =
  | PyFloat
  | PyText
  | PyBytes
  | PyTuple
  | PyList
  | PyDict
  | PySet
  | PyGlobal
  | PyObject
  | PyPersistent
  | PyExtension
  | PyBuffer;

/** A Python float. A node, because JavaScript can't tell 1.0 from 1. */
export class PyFloat {
  declare readonly kind: 'float';
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A `str` too long to hold: its UTF-8 bytes stay in the source. */
export class PyText {
  declare readonly kind: 'text';
  readonly range: SourceRange;
  constructor(range: SourceRange) {
    this.range = range;
  }
}

/**
 * A run of bytes: `bytes`, `bytearray`, or `str2`, a Python-2 `str` that is not UTF-8 and so has no Python-3 `str` form.
 * Small ones are held, large ones stay in the source.
 */
export class PyBytes {
  declare readonly kind: 'bytes';
  readonly type: 'bytes' | 'bytearray' | 'str2';
  content: Uint8Array | SourceRange;
  /** Offset in the source of the pickle at which held content stands; undefined where it does not stand there as it is. */
  readonly offset: number | undefined;
  constructor(type: PyBytes['type'], content: Uint8Array | SourceRange, offset?: number) {
    this.type = type;
    this.content = content;
    this.offset = offset;
  }
  get length(): number {
    return this.content.length;
  }
}

export class PyTuple {
  declare readonly kind: 'tuple';
  readonly items: Value[];
  constructor(items: Value[]) {
    this.items = items;
  }
}

export class PyList {
  declare readonly kind: 'list';
  readonly items: Value[];
  constructor(items: Value[] = []) {
    this.items = items;
  }
}

/** Pairs in the order of the stream. A key that is set twice stands twice: Python's dict keeps the first place and the last value. */
export class PyDict {
  declare readonly kind: 'dict';
  readonly keys: Value[];
  readonly values: Value[];
  constructor(keys: Value[] = [], values: Value[] = []) {
    this.keys = keys;
    this.values = values;
  }
}

export class PySet {
  declare readonly kind: 'set';
  readonly frozen: boolean;
  readonly items: Value[];
  constructor(frozen: boolean, items: Value[] = []) {
    this.frozen = frozen;
    this.items = items;
  }
}

/** A name that Python would import: `module.name`. One node per name in a stream. */
export class PyGlobal {
  declare readonly kind: 'global';
  readonly module: string;
  readonly name: string;
  /** `module.name`: kept, because every look at a tensor compares it. */
  readonly qualifiedName: string;
  /** Offset in the pickle of the opcode that named it first. */
  readonly offset: number;
  /** How many times the stream puts it on the stack, the first naming included. */
  uses = 1;
  constructor(module: string, name: string, offset = 0) {
    this.module = module;
    this.name = name;
    this.qualifiedName = `${module}.${name}`;
    this.offset = offset;
  }
}

/** What the stream does to a built object after its construction, in its order. */
export type Effect =
  | { readonly op: 'append'; readonly items: Value[] }
  | { readonly op: 'set'; readonly keys: Value[]; readonly values: Value[] }
  | { readonly op: 'add'; readonly items: Value[] }
  | { op: 'build'; state: Value };

// Fields that a kind of node makes only when they are asked for, as tensor-call.ts does, are declared in an interface: there a class
// may have an accessor in their place.
export interface PyObject {
  /** A PyTuple in any stream that a pickler wrote. */
  args: Value;
}

export interface PyPersistent {
  id: Value;
}

/** An object that Python would build by a call: `callable(*args)`, then the effects. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor sets the field
export class PyObject {
  declare readonly kind: 'object';
  /** `reduce` calls the callable, `newobj` and `newobj-ex` call its `__new__`, `inst` is the class call of INST and OBJ. */
  readonly construct: 'reduce' | 'newobj' | 'newobj-ex' | 'inst';
  callable: Value;
  kwargs: Value | undefined;
  effects: Effect[] | undefined = undefined;
  /** Offset in the pickle of the opcode that builds it. */
  readonly offset: number;
  constructor(construct: PyObject['construct'], callable: Value, args: Value, offset = 0, kwargs?: Value) {
    this.construct = construct;
    this.callable = callable;
    this.args = args;
    this.offset = offset;
    this.kwargs = kwargs;
  }
}

/** A persistent id: torch puts a storage's description here. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor sets the field
export class PyPersistent {
  declare readonly kind: 'persistent';
  constructor(id: Value) {
    this.id = id;
  }
}

/** EXT1, EXT2, EXT4: a code of the reader's copyreg extension registry. */
export class PyExtension {
  declare readonly kind: 'extension';
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

/** NEXT_BUFFER: the n-th out-of-band buffer of protocol 5, whose bytes are not in the stream. */
export class PyBuffer {
  declare readonly kind: 'buffer';
  readonly index: number;
  readonly readonly: boolean;
  constructor(index: number, readonly: boolean) {
    this.index = index;
    this.readonly = readonly;
  }
}

const KINDS = [
  [PyFloat, 'float'],
  [PyText, 'text'],
  [PyBytes, 'bytes'],
  [PyTuple, 'tuple'],
  [PyList, 'list'],
  [PyDict, 'dict'],
  [PySet, 'set'],
  [PyGlobal, 'global'],
  [PyObject, 'object'],
  [PyPersistent, 'persistent'],
  [PyExtension, 'extension'],
  [PyBuffer, 'buffer'],
] as const;
// said once a class: a field in each of a million nodes would be a tenth of their memory
for (const [nodeClass, kind] of KINDS) Object.defineProperty(nodeClass.prototype, 'kind', { value: kind });

/** The empty tuple is one object in CPython; it is one node here, and is never written to the memo. */
export const EMPTY_TUPLE: PyTuple = new PyTuple(Object.freeze([]) as unknown as Value[]);

export function isNode(value: Value): value is PyNode {
  return typeof value === 'object' && value !== null;
}

/** The global that an object is built by, if it is built by one. */
export function callableName(value: Value): string | undefined {
  return value instanceof PyObject && value.callable instanceof PyGlobal
    ? value.callable.qualifiedName
    : undefined;
}

/** The positional arguments of a built object; empty where they are not a tuple. */
export function argumentsOf(object: PyObject): readonly Value[] {
  return object.args instanceof PyTuple ? object.args.items : [];
}

/** The last state that BUILD gives the object. */
export function stateOf(object: PyObject): Value | undefined {
  return object.effects?.findLast((effect) => effect.op === 'build')?.state;
}

/**
 * The pairs of a dict, or of an object to which the stream sets items (OrderedDict, defaultdict, Counter …).
 * Undefined where the value is no mapping. The arrays are the live ones of a dict or of a single run of SETITEMS.
 */
export function entriesOf(value: Value): { keys: Value[]; values: Value[] } | undefined {
  if (value instanceof PyDict) return value;
  if (!(value instanceof PyObject)) return undefined;
  const runs = value.effects?.filter((effect) => effect.op === 'set');
  if (runs && runs.length > 1)
    return { keys: runs.flatMap((run) => run.keys), values: runs.flatMap((run) => run.values) };
  if (runs?.[0]) return runs[0];
  return isMappingClass(value.callable) ? { keys: [], values: [] } : undefined;
}

/** The value under a string key of a mapping; the last one, as in Python, where the key is set twice. */
export function lookup(value: Value, key: string): Value | undefined {
  const entries = entriesOf(value);
  if (!entries) return undefined;
  const { keys, values } = entries;
  // most are asked for a key that they don't have, and of a hundred thousand keys that is found out sooner from the front
  return keys.indexOf(key) < 0 ? undefined : values[keys.lastIndexOf(key)];
}

const MAPPING_CLASSES = new Set([
  'collections.OrderedDict',
  'collections.defaultdict',
  'collections.Counter',
  '__builtin__.dict',
  'builtins.dict',
]);

function isMappingClass(callable: Value): boolean {
  return callable instanceof PyGlobal && MAPPING_CLASSES.has(callable.qualifiedName);
}
