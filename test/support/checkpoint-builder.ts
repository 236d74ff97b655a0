import type { Checkpoint, ContainerKind, PickleFacts } from '../../src/checkpoint/checkpoint.ts';
import { pathName } from '../../src/checkpoint/path.ts';
import type { Storage } from '../../src/checkpoint/storage.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { tensorNamed } from '../../src/checkpoint/tensor-handle.ts';
import { pathOf, walkNodes } from '../../src/checkpoint/walk.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { Op, type OpName } from '../../src/pickle/opcodes.ts';
import {
  callableName,
  PyDict,
  PyGlobal,
  type PyNode,
  PyObject,
  PyPersistent,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';
import { isAllowedGlobal } from '../../src/torch/allowlist.ts';
import { DTYPES, type Dtype } from '../../src/torch/dtypes.ts';
import { storageClassName } from '../../src/torch/storage-id.ts';
import type { TensorKind } from '../../src/torch/tensor-form.ts';

export interface TensorOptions {
  shape?: number[];
  dtype?: string;
  location?: string;
  kind?: TensorKind;
  /** Bytes of the elements; none stand behind the tensor where they are left out. */
  bytes?: Uint8Array | undefined;
}

export interface CheckpointOptions {
  path?: string;
  kind?: ContainerKind;
  protocol?: number;
  /** Opcodes that the pickle is said to hold; those that torch's own pickles hold by default. */
  opcodes?: readonly OpName[];
  longPayloads?: PickleFacts['longPayloads'];
}

const ORDINARY_OPCODES: readonly OpName[] = [
  'PROTO',
  'EMPTY_DICT',
  'MARK',
  'BINUNICODE',
  'BINPUT',
  'GLOBAL',
  'TUPLE',
  'BINPERSID',
  'REDUCE',
  'NEWFALSE',
  'SETITEMS',
  'STOP',
];

/** What stands behind the nodes that `tensor` made, until a checkpoint is built of them. */
const made = new WeakMap<PyNode, { options: Required<TensorOptions>; storage: PyPersistent }>();

export function tensor({
  shape = [2, 3],
  dtype = 'float32',
  location = 'cpu',
  kind = 'tensor',
  bytes,
}: TensorOptions = {}): PyObject {
  const storageClass = new PyGlobal('torch', storageClassName(DTYPES.get(dtype) as Dtype) ?? 'FloatStorage');
  const storage = new PyPersistent(new PyTuple(['storage', storageClass, '0', location, elementsOf(shape)]));
  const node = new PyObject(
    'reduce',
    new PyGlobal('torch._utils', '_rebuild_tensor_v2'),
    new PyTuple([storage, 0, new PyTuple(shape), new PyTuple(stridesOf(shape)), false, orderedDict({})]),
  );
  made.set(node, { options: { shape, dtype, location, kind, bytes }, storage });
  return node;
}

export function dict(entries: Record<string, Value>): PyDict {
  return new PyDict(Object.keys(entries), Object.values(entries));
}

/** `module.name(*args)`. */
export function call(name: string, ...args: Value[]): PyObject {
  const dot = name.lastIndexOf('.');
  return new PyObject('reduce', new PyGlobal(name.slice(0, dot), name.slice(dot + 1)), new PyTuple(args));
}

/** As `state_dict()` returns it. */
export function orderedDict(entries: Record<string, Value>): PyObject {
  const node = call('collections.OrderedDict');
  node.effects = [{ op: 'set', keys: Object.keys(entries), values: Object.values(entries) }];
  return node;
}

/** A pickled object with a dict of attributes: a whole module, a config … */
export function instance(name: string, attributes: Record<string, Value>): PyObject {
  const node = call(name);
  node.effects = [{ op: 'build', state: dict(attributes) }];
  return node;
}

/** A checkpoint in memory around a value graph: every tensor has a storage of its own, and no bytes stand behind it. */
export function checkpointOf(root: Value, options: CheckpointOptions = {}): Checkpoint {
  const { kind = 'torch-zip', protocol = 2, opcodes = ORDINARY_OPCODES, longPayloads = [] } = options;
  const counts = new Uint32Array(256);
  for (const name of opcodes) counts[Op[name]] = 1;
  const storageOf = new Map<PyPersistent, Storage>();
  const globals = new Map<string, number>();
  const tensors: Tensor[] = [];
  walkNodes(root, (node, place) => {
    const name = node instanceof PyGlobal ? node.qualifiedName : callableName(node);
    if (name !== undefined) globals.set(name, (globals.get(name) ?? 0) + 1);
    const making = made.get(node);
    if (!making) return true;
    const storage = storageFor(making.options, String(storageOf.size));
    storageOf.set(making.storage, storage);
    tensors.push(tensorFor(making.options, storage, pathOf(place), node));
    return false;
  });
  return {
    path: options.path ?? 'model.pth',
    source: new MemorySource(new Uint8Array()),
    container: { kind, pickleProtocol: protocol, byteOrder: 'little' },
    root,
    tensors,
    storages: [...storageOf.values()],
    storageOf,
    globals: [...globals].map(([name, count], offset) => {
      const dot = name.lastIndexOf('.');
      return { name, count, weightsOnly: isAllowedGlobal(name.slice(0, dot), name.slice(dot + 1)), offset };
    }),
    pickle: { protocol, length: 0, recordLength: 0, opcodes: counts, longPayloads },
    records: [],
    omissions: [],
    damage: [],
    tensor(name) {
      return tensorNamed(this.tensors, name);
    },
    close: async () => {},
  };
}

function storageFor({ shape, dtype, location, bytes }: Required<TensorOptions>, key: string): Storage {
  const numel = elementsOf(shape);
  const type = DTYPES.get(dtype) as Dtype;
  return {
    key,
    storageClass: new PyGlobal('torch.storage', 'UntypedStorage'),
    dtype: type,
    location,
    numel,
    bytes: numel * type.itemSize,
    fileOffset: null,
    content: bytes,
    crc32: undefined,
    byteOrder: 'little',
  };
}

function tensorFor(
  { shape, kind }: Required<TensorOptions>,
  storage: Storage,
  path: Tensor['path'],
  node: PyNode,
): Tensor {
  return {
    path,
    name: pathName(path),
    kind,
    dtype: storage.dtype as Dtype,
    shape,
    stride: stridesOf(shape),
    storageOffset: 0,
    elements: storage.numel,
    bytes: storage.bytes,
    storage: kind === 'meta' ? undefined : storage,
    requiresGrad: false,
    conj: false,
    neg: false,
    parts: [],
    node,
  };
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementsOf(shape.slice(axis + 1)));
}
