import { UnreadableError } from '../io/errors.ts';
import { TensorCall } from '../pickle/tensor-call.ts';
import {
  argumentsOf,
  lookup,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';
import { type Dtype, dtypeByName } from './dtypes.ts';
import { arrayStride, numpyArrayForm } from './numpy-array.ts';
import { storageIdOf } from './storage-id.ts';
import type { TensorForm } from './tensor-form.ts';

/**
 * Reads what torch's rebuild functions would make, from their arguments alone. Argument orders as in torch 2.13's
 * `torch/_utils.py`, `torch/_tensor.py` and `torch/nested/_internal`, with the older functions that files still hold.
 */
type Rebuild = (args: readonly Value[], node: PyObject) => TensorForm | undefined;

/** `null` for an untyped storage, undefined where the value is no storage. */
function storageDtype(value: Value | undefined): Dtype | null | undefined {
  if (!(value instanceof PyPersistent)) return undefined;
  const id = storageIdOf(value);
  return id && (id.dtype ?? null);
}

function fault(node: PyObject, what: string): UnreadableError {
  return new UnreadableError(
    'bad-pickle',
    `bad pickle: tensor built at offset ${node.offset}: ${what}`,
    node.offset,
  );
}

function count(value: Value | undefined, noun: string, node: PyObject): number {
  if (typeof value !== 'number' || value < 0)
    throw fault(node, `${noun} must be a whole number, found ${show(value)}`);
  return value;
}

/** Sizes and strides: a tuple of ints, or a torch.Size made of one. */
function counts(value: Value | undefined, noun: string, node: PyObject): readonly number[] {
  const items = sequence(value);
  if (!items) throw fault(node, `${noun} must be a tuple of whole numbers, found ${show(value)}`);
  for (let i = 0; i < items.length; i++) count(items[i], noun, node);
  // the array of the tuple itself: tuples are never written to, and two copies for each tensor would show
  return items as readonly number[];
}

function sequence(value: Value | undefined): readonly Value[] | undefined {
  const given = value instanceof PyObject && named(value, 'torch.Size') ? argumentsOf(value)[0] : value;
  return given instanceof PyTuple || given instanceof PyList ? given.items : undefined;
}

function named(object: PyObject, name: string): boolean {
  return object.callable instanceof PyGlobal && object.callable.qualifiedName === name;
}

function dtypeOf(value: Value | undefined): Dtype | undefined {
  return value instanceof PyGlobal && value.module === 'torch' ? dtypeByName(value.name) : undefined;
}

function show(value: Value | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'object' && value !== null ? value.kind : String(value).slice(0, 40);
}

interface Strided {
  storage: Value | undefined;
  offset: Value | undefined;
  size: Value | undefined;
  stride: Value | undefined;
  requiresGrad?: Value | undefined;
  bits?: Value | undefined;
  dtype?: Dtype | undefined;
}

const NO_PARTS: readonly Value[] = [];

/** The dtype that the call names, or else that of the storage. */
function dtypeOn(storage: Value | undefined, node: PyObject, named?: Dtype): Dtype {
  const ofStorage = storageDtype(storage);
  if (ofStorage === undefined) throw fault(node, `no storage, but ${show(storage)}`);
  const dtype = named ?? ofStorage;
  if (dtype === null) throw fault(node, 'an untyped storage without a dtype');
  return dtype;
}

function strided(fields: Strided, node: PyObject): TensorForm {
  const dtype = dtypeOn(fields.storage, node, fields.dtype);
  const shape = counts(fields.size, 'size', node);
  const stride = counts(fields.stride, 'stride', node);
  if (shape.length !== stride.length) {
    throw fault(node, `${shape.length} sizes, but ${stride.length} strides`);
  }
  return {
    kind: 'tensor',
    dtype,
    shape,
    stride,
    storageOffset: count(fields.offset, 'storage offset', node),
    requiresGrad: fields.requiresGrad === true,
    conj: fields.bits !== undefined && lookup(fields.bits, 'conj') === true,
    neg: fields.bits !== undefined && lookup(fields.bits, 'neg') === true,
    storage: fields.storage,
    parts: NO_PARTS,
  };
}

const unstrided = (
  kind: TensorForm['kind'],
  dtype: Dtype,
  shape: readonly number[],
  parts: readonly Value[],
  rest: Partial<TensorForm> = {},
): TensorForm => ({
  kind,
  dtype,
  shape,
  stride: [],
  storageOffset: 0,
  requiresGrad: false,
  conj: false,
  neg: false,
  storage: undefined,
  parts,
  ...rest,
});

const tensorV1: Rebuild = ([storage, offset, size, stride], node) =>
  strided({ storage, offset, size, stride }, node);

// nearly all tensors of nearly all files: by index, because to destructure an array goes by its iterator
const tensorV2: Rebuild = (args, node) =>
  strided(
    {
      storage: args[0],
      offset: args[1],
      size: args[2],
      stride: args[3],
      requiresGrad: args[4],
      bits: args[6],
      dtype: undefined,
    },
    node,
  );

const tensorV3: Rebuild = ([storage, offset, size, stride, requiresGrad, , dtype, bits], node) => {
  const named = dtypeOf(dtype);
  if (!named) throw fault(node, `dtype must be a torch dtype, found ${show(dtype)}`);
  return strided({ storage, offset, size, stride, requiresGrad, bits, dtype: named }, node);
};

const parameter: Rebuild = ([data, requiresGrad]) => {
  const inner = data === undefined ? undefined : tensorForm(data);
  if (!inner) return undefined;
  const kind = inner.kind === 'tensor' ? 'parameter' : inner.kind;
  return { ...inner, kind, requiresGrad: requiresGrad === true };
};

const quantized: Rebuild = ([storage, offset, size, stride, quantizer, requiresGrad], node) => ({
  ...strided({ storage, offset, size, stride, requiresGrad }, node),
  kind: 'quantized',
  parts: quantizer instanceof PyTuple ? quantizer.items.filter((item) => tensorForm(item)) : [],
});

/** `layout, (indices, values, size, …)` for COO; `layout, (compressed, plain, values, size)` for CSR, CSC, BSR and BSC. */
const sparse: Rebuild = ([, data], node) => {
  const fields = sequence(data) ?? [];
  const parts = fields.filter((field) => tensorForm(field));
  const values = parts.at(-1);
  const form = values === undefined ? undefined : tensorForm(values);
  const size = fields.find((field) => sequence(field) !== undefined);
  if (!form || size === undefined) throw fault(node, 'a sparse tensor without values or size');
  return unstrided('sparse', form.dtype, counts(size, 'size', node), parts);
};

/** `buffer, sizes, strides, offsets`: the shape says how many components there are. */
const nested: Rebuild = ([buffer, sizes, strides, offsets], node) => {
  const parts = [buffer, sizes, strides, offsets].filter((part) => part !== undefined);
  const form = buffer === undefined ? undefined : tensorForm(buffer);
  const count = sizes === undefined ? undefined : tensorForm(sizes);
  if (!form || !count) throw fault(node, 'a nested tensor without buffer or sizes');
  return unstrided('nested', form.dtype, count.shape.slice(0, 1), parts);
};

const meta: Rebuild = ([dtype, size, stride, requiresGrad], node) => {
  const named = dtypeOf(dtype);
  if (!named) throw fault(node, `dtype must be a torch dtype, found ${show(dtype)}`);
  return unstrided('meta', named, counts(size, 'size', node), [], {
    stride: counts(stride, 'stride', node),
    requiresGrad: requiresGrad === true,
  });
};

/** XLA and other devices without storages: `copy on the CPU, dtype, device, requires_grad`. */
const deviceFromCpu: Rebuild = ([cpu, , device, requiresGrad]) => {
  const inner = cpu === undefined ? undefined : tensorForm(cpu);
  return inner && { ...inner, ...onDevice(device), requiresGrad: requiresGrad === true };
};

/** The same before torch 2.6, with a numpy array that is cast to the dtype: numpy has no bfloat16. */
const deviceFromArray: Rebuild = ([data, dtype, device, requiresGrad]) => {
  const array = data instanceof PyObject ? numpyArrayForm(data) : undefined;
  const named = dtypeOf(dtype);
  if (!array || !named) return undefined;
  return unstrided('tensor', named, array.shape, [], {
    ...onDevice(device),
    array: true,
    stride: arrayStride(array),
    requiresGrad: requiresGrad === true,
  });
};

const onDevice = (device: Value | undefined) => (typeof device === 'string' ? { device } : {});

/** `class, dtype, size, stride, storage offset, layout, device, requires_grad`; the data stands in the state of what wraps it. */
const wrapperSubclass: Rebuild = ([, dtype, size, stride, offset, , , requiresGrad], node) => {
  const named = dtypeOf(dtype);
  if (!named) throw fault(node, `dtype must be a torch dtype, found ${show(dtype)}`);
  return unstrided('subclass', named, counts(size, 'size', node), [], {
    stride: counts(stride, 'stride', node),
    storageOffset: count(offset, 'storage offset', node),
    requiresGrad: requiresGrad === true,
  });
};

/** Jagged nested tensors: one dict of parts. */
const jagged: Rebuild = ([fields], node) => {
  const parts = (fields instanceof PyDict ? fields.values : []).filter((part) => tensorForm(part));
  const form = parts[0] === undefined ? undefined : tensorForm(parts[0]);
  const offsets = fields === undefined ? undefined : lookup(fields, 'offsets');
  const rows = offsets === undefined ? undefined : tensorForm(offsets)?.shape[0];
  if (!form) throw fault(node, 'a jagged tensor without values');
  return unstrided('nested', form.dtype, rows === undefined ? form.shape : [Math.max(0, rows - 1)], parts);
};

const PLAIN_CLASSES = new Set(['torch.Tensor', 'torch._tensor.Tensor', 'torch.nn.parameter.Buffer']);
const PARAMETER_CLASS = 'torch.nn.parameter.Parameter';

/** `function, class, arguments, state`: tensors with attributes, and subclasses. */
const fromType: Rebuild = ([func, type, args, state], node) => {
  const name = func instanceof PyGlobal ? func.qualifiedName : '';
  const rebuild = REBUILDS.get(name);
  const inner = rebuild?.(sequence(args) ?? [], node);
  if (!inner) return undefined;
  const typeName = type instanceof PyGlobal ? type.qualifiedName : '';
  if (inner.kind === 'nested') return inner;
  if (inner.storage === undefined) return { ...inner, parts: tensorsIn(state) };
  if (inner.kind !== 'tensor' || PLAIN_CLASSES.has(typeName)) return inner;
  return { ...inner, kind: typeName === PARAMETER_CLASS ? 'parameter' : 'subclass' };
};

/** The tensors that stand directly in the state of a subclass: a dict, or a pair of dict and slots. */
function tensorsIn(state: Value | undefined): Value[] {
  const dicts = state instanceof PyTuple ? state.items : [state];
  return dicts
    .flatMap((dict) => (dict instanceof PyDict ? dict.values : []))
    .filter((value) => tensorForm(value));
}

/** Before 0.2, and in `_rebuild`-less files: `torch.FloatTensor()` with BUILD `(storage, offset, size, stride)`. */
const tensorClass: Rebuild = (_args, node) => {
  const state = stateOf(node);
  if (!(state instanceof PyTuple) || state.items.length < 4) return undefined;
  const [storage, offset, size, stride] = state.items;
  return storageDtype(storage) === undefined ? undefined : strided({ storage, offset, size, stride }, node);
};

const REBUILDS: ReadonlyMap<string, Rebuild> = new Map<string, Rebuild>([
  ['torch._utils._rebuild_tensor', tensorV1],
  ['torch._utils._rebuild_tensor_v2', tensorV2],
  ['torch._utils._rebuild_tensor_v3', tensorV3],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch._utils._rebuild_qtensor', quantized],
  ['torch._utils._rebuild_sparse_tensor', sparse],
  ['torch._utils._rebuild_sparse_csr_tensor', sparse],
  ['torch._utils._rebuild_nested_tensor', nested],
  ['torch._utils._rebuild_meta_tensor_no_storage', meta],
  ['torch._utils._rebuild_device_tensor_from_cpu_tensor', deviceFromCpu],
  ['torch._utils._rebuild_device_tensor_from_numpy', deviceFromArray],
  ['torch._utils._rebuild_xla_tensor', deviceFromArray],
  ['torch._utils._rebuild_wrapper_subclass', wrapperSubclass],
  ['torch.nested._internal.nested_tensor._rebuild_njt', jagged],
  ['torch._tensor._rebuild_from_type_v2', fromType],
  ['torch._tensor._rebuild_from_type', fromType],
  ['torch.tensor._rebuild_from_type', fromType],
  // torch before 0.4 saved parameters as calls of their class
  [PARAMETER_CLASS, parameter],
]);

const TENSOR_CLASS =
  /^torch\.(cuda\.)?(Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Tensor$|^torch\.Tensor$/;

/** The same as `tensorV2` makes of its arguments, which need not be made for it. */
function readForm(call: TensorCall): TensorForm {
  const { storage, shape, stride, storageOffset, requiresGrad } = call;
  return {
    kind: 'tensor',
    dtype: dtypeOn(storage, call),
    shape,
    stride,
    storageOffset,
    requiresGrad,
    conj: false,
    neg: false,
    storage,
    parts: NO_PARTS,
  };
}

/** Parameters of parameters, wrappers of wrappers: torch nests two or three deep, a hostile file as deep as it likes. */
const MAX_NESTING = 16;
let nesting = 0;

/** Nearly all tensors of a file are built by the same function. */
let lastCallable: PyGlobal | undefined;
let lastRebuild: Rebuild | undefined;

function rebuildOf(callable: PyGlobal): Rebuild | undefined {
  if (callable !== lastCallable) {
    lastCallable = callable;
    lastRebuild = REBUILDS.get(callable.qualifiedName);
  }
  return lastRebuild;
}

/** A tensor has a handful of parts; a hostile file makes it of tensors that are made of the same tensors over and over. */
const MAX_PARTS = 4096;
let looks = 0;

/**
 * What tensor a value is; undefined where it is none that is known.
 * @throws UnreadableError `bad-pickle` where a rebuild call has arguments that torch itself would refuse.
 */
export function tensorForm(value: Value): TensorForm | undefined {
  if (!(value instanceof PyObject) || !(value.callable instanceof PyGlobal)) return undefined;
  if (value instanceof TensorCall && value.isUnread) return readForm(value);
  const rebuild = rebuildOf(value.callable);
  if (!rebuild) {
    return TENSOR_CLASS.test(value.callable.qualifiedName) ? tensorClass([], value) : undefined;
  }
  if (nesting >= MAX_NESTING) throw fault(value, `tensors nested more than ${MAX_NESTING} deep`);
  looks = nesting === 0 ? 0 : looks + 1;
  if (looks > MAX_PARTS) throw fault(value, `made of more than ${MAX_PARTS} tensors`);
  nesting++;
  try {
    return rebuild(argumentsOf(value), value);
  } finally {
    nesting--;
  }
}
