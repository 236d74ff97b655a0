import { StorageReference } from '../pickle/tensor-call.ts';
import { PyGlobal, type PyPersistent, PyTuple, type Value } from '../pickle/values.ts';
import { type Dtype, dtypeByName } from './dtypes.ts';

/** What torch writes as the persistent id of a storage: `('storage', class, key, location, numel)`. */
export interface StorageId {
  /** The class as the stream names it, to be written again as it was. */
  readonly storageClass: PyGlobal;
  /** Undefined for an UntypedStorage. */
  readonly dtype: Dtype | undefined;
  readonly key: string;
  readonly location: string;
  /** Elements of the class; bytes for an UntypedStorage. */
  readonly numel: number;
}

/** dtype of every typed storage class, as torch 1.4 to 2.14 have them (torch/storage.py, `_dtype_to_storage_type_map`). */
const DTYPE_OF_CLASS: Readonly<Record<string, string>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  BFloat16Storage: 'bfloat16',
  ComplexDoubleStorage: 'complex128',
  ComplexFloatStorage: 'complex64',
  QInt8Storage: 'qint8',
  QInt32Storage: 'qint32',
  QUInt8Storage: 'quint8',
  QUInt4x2Storage: 'quint4x2',
  QUInt2x4Storage: 'quint2x4',
};

/** Modules that typed storage classes stand in; `torch.cuda` in files of old CUDA models. */
const STORAGE_MODULES = new Set(['torch', 'torch.cuda', 'torch.storage']);
const UNTYPED = new Set(['UntypedStorage', '_UntypedStorage']);
/** Module and name of the storage class that has no dtype, as `weights_only` takes it. */
export const UNTYPED_STORAGE = ['torch.storage', 'UntypedStorage'] as const;

const CLASS_OF_DTYPE: ReadonlyMap<string, string> = new Map(
  Object.entries(DTYPE_OF_CLASS).map(([storageClass, dtype]) => [dtype, storageClass]),
);

/** The class of module `torch` that torch saves storages of a dtype under; undefined where it saves them as UntypedStorage. */
export function storageClassName({ name }: Dtype): string | undefined {
  return CLASS_OF_DTYPE.get(name);
}

/** A stream names few classes, and each of its storages asks for the dtype of one: mostly that of the storage before. */
let lastClass: PyGlobal | undefined;
let lastDtype: Dtype | null | undefined;

/** The dtype of a storage class; null for the untyped one; undefined where the global is no storage class. */
export function storageClassDtype(global: PyGlobal): Dtype | null | undefined {
  if (global !== lastClass) {
    lastClass = global;
    lastDtype = dtypeOfClass(global);
  }
  return lastDtype;
}

function dtypeOfClass(global: PyGlobal): Dtype | null | undefined {
  if (!STORAGE_MODULES.has(global.module)) return undefined;
  if (UNTYPED.has(global.name)) return null;
  const name = DTYPE_OF_CLASS[global.name];
  return name === undefined ? undefined : dtypeByName(name);
}

/** `str()` of the id: protocol 0 has no other way to say it. torch itself can't read that back. */
const ID_TEXT =
  /^\('storage', <class '(torch(?:\.cuda|\.storage)?)\.(\w+)'>, '([^']*)', '([^']*)', (\d{1,15})(?:, None)?\)$/;

/** What a persistent id says of a storage; undefined where it says nothing of one. */
export function storageIdOf(persistent: PyPersistent): StorageId | undefined {
  if (!(persistent instanceof StorageReference && persistent.isUnread)) return parseStorageId(persistent.id);
  const { mould, key, numel } = persistent;
  const { storageClass, location } = mould;
  const dtype = storageClassDtype(storageClass);
  return dtype === undefined ? undefined : { storageClass, dtype: dtype ?? undefined, key, location, numel };
}

/** Reads a persistent id; undefined where it is none of a storage. */
export function parseStorageId(id: Value): StorageId | undefined {
  if (typeof id === 'string') {
    const [, module, name, key, location, numel] = ID_TEXT.exec(id) ?? [];
    if (module === undefined || name === undefined) return undefined;
    return parseStorageId(
      new PyTuple(['storage', new PyGlobal(module, name), key ?? '', location ?? '', Number(numel)]),
    );
  }
  if (!(id instanceof PyTuple)) return undefined;
  // by index: to destructure an array goes by its iterator, which shows in a hundred thousand of them
  const { items } = id;
  const storageClass = items[1];
  const key = items[2];
  const location = items[3];
  const numel = items[4];
  if (items[0] !== 'storage' || !(storageClass instanceof PyGlobal)) return undefined;
  // torch.package numbers its storages with ints
  if (typeof key !== 'string' && typeof key !== 'number') return undefined;
  if (typeof location !== 'string' || typeof numel !== 'number' || numel < 0) return undefined;
  const dtype = storageClassDtype(storageClass);
  if (dtype === undefined) return undefined;
  return {
    storageClass,
    dtype: dtype ?? undefined,
    key: typeof key === 'string' ? key : String(key),
    location,
    numel,
  };
}
