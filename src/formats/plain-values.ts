import type { ByteSource } from '../io/byte-source.ts';
import { byteValue } from '../pickle/byte-values.ts';
import {
  argumentsOf,
  callableName,
  type Effect,
  EMPTY_TUPLE,
  lookup,
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  type PyNode,
  PyObject,
  PySet,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';
import { python3Name } from '../torch/allowlist.ts';
import { type Dtype, dtypeByName } from '../torch/dtypes.ts';
import { globalTier } from '../torch/global-tiers.ts';
import { arrayOf, type NumpyArray } from './numpy-arrays.ts';
import { numpyScalar } from './numpy-scalar.ts';

/** A plain value in the place of one that `weights_only` refuses. */
export interface Plain {
  readonly value: Value;
  /** What became what, as a plural: `numpy scalars become numbers`. */
  readonly what: string;
}

/** What a replacement may need of its surroundings. */
export interface PlainContext {
  /** The source that the pickle was decoded from. */
  readonly source: ByteSource;
  /** The tensor of a dtype on an array's bytes; undefined where there can be none. */
  tensorOf(array: NumpyArray, dtype: Dtype, requiresGrad: boolean): Value | undefined;
}

type Rule = (node: PyObject, name: string, context: PlainContext) => Plain | undefined;

const FROZENSETS = 'frozensets become sets';

/**
 * The plain value that says the same as a node; undefined where it needs none, or has none. What a class adds to its data is lost:
 * the names of a named tuple's fields, the default of a defaultdict.
 */
export function plainValue(node: PyNode, context: PlainContext): Plain | undefined {
  if (node instanceof PySet && node.frozen) return { value: new PySet(false, node.items), what: FROZENSETS };
  if (!(node instanceof PyObject) || !(node.callable instanceof PyGlobal)) return undefined;
  const name = python3Name(node.callable.module, node.callable.name);
  for (const rule of RULES) {
    const plain = rule(node, name, context);
    if (plain) return plain;
  }
  return undefined;
}

/** `bytes()`, which protocol 2 of Python writes for no bytes, is not in torch's list; the encoder has another way. */
const bytes: Rule = (node, name) =>
  name === 'builtins.bytes' && argumentsOf(node).length === 0
    ? {
        value: new PyBytes('bytes', new Uint8Array()),
        what: 'empty bytes are written in a way that is taken',
      }
    : undefined;

const frozenset: Rule = (node, name) => {
  const [items] = argumentsOf(node);
  if (name !== 'builtins.frozenset' || !(items === undefined || items instanceof PyList)) return undefined;
  return { value: new PySet(false, items?.items ?? []), what: FROZENSETS };
};

const scalar: Rule = (node, name, { source }) => {
  if (!/^numpy\.(core|_core)\.multiarray\.scalar$/.test(name)) return undefined;
  const [dtype, data] = argumentsOf(node);
  const value = numpyScalar(dtype, byteValue(data, source)?.held);
  return value === undefined ? undefined : { value, what: 'numpy scalars become plain numbers' };
};

const array: Rule = (node, name, context) => {
  const found = name.startsWith('numpy.') ? arrayOf(node, context.source) : undefined;
  const value = found && tensorOf(found, found.dtype, context);
  return value === undefined ? undefined : { value, what: 'numpy arrays become tensors' };
};

/** Tensors of XLA devices as torch_xla saved them: an array, the dtype that it is cast to, a device. */
const FROM_ARRAY = /^torch\._utils\._rebuild_(device_tensor_from_numpy|xla_tensor)$/;

const deviceTensor: Rule = (node, name, context) => {
  if (!FROM_ARRAY.test(name)) return undefined;
  const [data, dtype, , requiresGrad] = argumentsOf(node);
  const found = data instanceof PyObject ? arrayOf(data, context.source) : undefined;
  const named = dtype instanceof PyGlobal && dtype.module === 'torch' ? dtypeByName(dtype.name) : undefined;
  const value = found && named && tensorOf(found, named, context, requiresGrad === true);
  return value === undefined ? undefined : { value, what: 'arrays of XLA tensors become tensors' };
};

function tensorOf(
  found: NumpyArray,
  dtype: Dtype,
  context: PlainContext,
  requiresGrad = false,
): Value | undefined {
  const length = found.shape.reduce((product, size) => product * size, found.dtype.itemSize);
  return found.bytes.range.length < length ? undefined : context.tensorOf(found, dtype, requiresGrad);
}

const NAMESPACES = new Set(['argparse.Namespace', 'types.SimpleNamespace']);

const namespace: Rule = (node, name) => {
  if (!NAMESPACES.has(name) || argumentsOf(node).length > 0) return undefined;
  const state = stateOf(node) ?? new PyDict();
  return state instanceof PyDict && (node.effects?.length ?? 0) <= 1
    ? { value: state, what: 'namespaces become dicts' }
    : undefined;
};

const defaultDict: Rule = (node, name) => {
  if (name !== 'collections.defaultdict') return undefined;
  const items = node.effects?.length ? itemsOf(node.effects) : new PyDict();
  return items && { value: items, what: 'defaultdicts become dicts, without their default' };
};

/** `deque((), maxlen)` with its items appended; older Pythons hand the items to the call. */
const deque: Rule = (node, name) => {
  if (name !== 'collections.deque') return undefined;
  const [first, limit = null] = argumentsOf(node);
  const given = first instanceof PyTuple || first instanceof PyList ? first.items : undefined;
  const appended = appendedItems(node.effects);
  if (!appended || (first !== undefined && !given)) return undefined;
  const what = limit === null ? 'deques become lists' : 'deques become lists, without their length limit';
  return { value: new PyList([...(given ?? []), ...appended]), what };
};

const PATH = /^pathlib\.(_local\.)?(Pure)?(Posix|Windows)?Path$/;

const path: Rule = (node, name) => {
  const parts = argumentsOf(node);
  if (!PATH.test(name) || !parts.every((part) => typeof part === 'string')) return undefined;
  return { value: joinPath(parts, name.includes('Windows')), what: 'paths become strings' };
};

/** `str(path)`: the first part of an absolute path ends with its separator. */
function joinPath(parts: readonly string[], windows: boolean): string {
  const separator = windows ? '\\' : '/';
  const [first = '.', ...rest] = parts;
  if (rest.length === 0) return first;
  return first.endsWith(separator) ? first + rest.join(separator) : parts.join(separator);
}

/** `torch.__version__` is a str with comparisons of its own. */
const torchVersion: Rule = (node, name) => {
  const [text] = argumentsOf(node);
  return name === 'torch.torch_version.TorchVersion' && typeof text === 'string' && !node.effects?.length
    ? { value: text, what: 'versions of torch become strings' }
    : undefined;
};

/** Gone since torch 2.0, which can't load CSR tensors of 1.x any more; the arguments are the same. */
const csrTensor: Rule = (node, name) =>
  name === 'torch._utils._rebuild_sparse_csr_tensor'
    ? {
        value: new PyObject('reduce', new PyGlobal('torch._utils', '_rebuild_sparse_tensor'), node.args),
        what: 'CSR tensors of torch 1.x are built by the function of today',
      }
    : undefined;

/** `_rebuild_from_type(function, class, arguments, dict)`, whose successor takes the same. */
const fromType: Rule = (node, name) =>
  /^torch\.(_tensor|tensor)\._rebuild_from_type$/.test(name)
    ? {
        value: new PyObject('reduce', new PyGlobal('torch._tensor', '_rebuild_from_type_v2'), node.args),
        what: 'tensors with attributes are built by the function of today',
      }
    : undefined;

/** A named tuple is built by `__new__` with its fields, and has nothing besides. */
const namedTuple: Rule = (node) => {
  if (node.construct !== 'newobj' || node.effects?.length || !isSomebodys(node)) return undefined;
  const fields = argumentsOf(node);
  // of a single one it can't be told from a subclass of str or int
  return fields.length >= 2
    ? { value: new PyTuple([...fields]), what: 'named tuples become tuples' }
    : undefined;
};

/** A member of an enum is the call of its class with its value. */
const enumMember: Rule = (node, name) => {
  const [value, ...rest] = argumentsOf(node);
  const plain = node.construct === 'reduce' && !node.effects?.length && rest.length === 0;
  if (!plain || !isSomebodys(node) || !/\._?[A-Z]\w*$/.test(name)) return undefined;
  const isAtom = ['string', 'number', 'bigint', 'boolean'].includes(typeof value) || value instanceof PyFloat;
  return isAtom && value !== undefined ? { value, what: 'enum members become their values' } : undefined;
};

/** A subclass of dict, OrderedDict or list with nothing but items: configurations are often such. */
const subclass: Rule = (node) => {
  const isBare = node.args === EMPTY_TUPLE || argumentsOf(node).length === 0;
  if (!isBare || !node.effects?.length || node.kwargs !== undefined || !isSomebodys(node)) return undefined;
  const items = itemsOf(node.effects);
  if (items) return { value: items, what: 'subclasses of dict become dicts' };
  const list = appendedItems(node.effects);
  return list && { value: new PyList(list), what: 'subclasses of list become lists' };
};

const RULES: readonly Rule[] = [
  bytes,
  frozenset,
  scalar,
  array,
  deviceTensor,
  namespace,
  defaultDict,
  deque,
  path,
  torchVersion,
  csrTensor,
  fromType,
  namedTuple,
  enumMember,
  subclass,
];

/** A class of a program or a library: nothing of Python's own, and nothing that torch takes or that is known to do harm. */
function isSomebodys({ callable }: PyObject): boolean {
  if (!(callable instanceof PyGlobal)) return false;
  const { module, name } = callable;
  return globalTier(module, name) === 'unknown' && !/^(torch|numpy)(\.|$)/.test(module);
}

/**
 * The pairs that a stream sets; undefined where it does anything else. A state that only repeats them is passed over: some classes
 * keep their items as attributes too.
 */
function itemsOf(effects: readonly Effect[]): PyDict | undefined {
  const items = new PyDict();
  for (const effect of effects) {
    if (effect.op === 'set') {
      items.keys.push(...effect.keys);
      items.values.push(...effect.values);
    } else if (effect.op !== 'build' || !repeats(effect.state, items)) return undefined;
  }
  return items.keys.length > 0 ? items : undefined;
}

function repeats(state: Value, items: PyDict): boolean {
  if (!(state instanceof PyDict)) return false;
  return state.keys.every((key, index) => {
    const value = state.values[index] as Value;
    const item = typeof key === 'string' ? lookup(items, key) : undefined;
    if (value instanceof PyFloat && item instanceof PyFloat) return Object.is(value.value, item.value);
    return item !== undefined && item === value;
  });
}

/** What a stream appends; undefined where it does anything else. */
function appendedItems(effects: readonly Effect[] = []): Value[] | undefined {
  const items: Value[] = [];
  for (const effect of effects) {
    if (effect.op !== 'append') return undefined;
    for (const item of effect.items) items.push(item);
  }
  return items;
}

/** A tensor that is built from an array, which only numpy can build: with the array replaced it would not load at all. */
export function isBuiltFromArray(node: PyNode): boolean {
  return FROM_ARRAY.test(callableName(node) ?? '');
}
