import type { Storage } from '../checkpoint/storage.ts';
import type { UnreadableError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import { EMPTY_TUPLE, PyGlobal, PyObject, PyPersistent, PyTuple, type Value } from '../pickle/values.ts';
import { contiguousStride } from '../torch/contiguous-stride.ts';
import type { Dtype } from '../torch/dtypes.ts';
import { storageClassName, UNTYPED_STORAGE } from '../torch/storage-id.ts';
import type { StorageTable } from './storage-table.ts';

/** Bytes that one or several tensors view. */
export interface RawStorage {
  readonly key: string;
  readonly dtype: Dtype;
  readonly bytes: number;
  /** Undefined where the container has no bytes for it. */
  readonly content: Segment | undefined;
  /** Defaults to the offset of `content` where that is a range of the checkpoint's own file; null where it is elsewhere. */
  readonly fileOffset: number | null;
  /** Defaults to `cpu`. */
  readonly location?: string;
  readonly crc32?: number | undefined;
  /** Defaults to little. */
  readonly byteOrder?: 'little' | 'big';
}

export interface RawTensor {
  /** This array and that of the strides become part of the graph. */
  readonly shape: readonly number[];
  /** In elements; C order where it is left out. */
  readonly stride?: readonly number[];
  /** In elements. */
  readonly storageOffset?: number;
  readonly requiresGrad?: boolean;
}

/**
 * The value graph that torch.save would pickle, for tensors of a container that has no pickle of its own: calls of
 * `_rebuild_tensor_v2` on typed storages and, for the dtypes that have no storage class, of `_rebuild_tensor_v3`.
 */
export class TensorGraph {
  readonly #orderedDict = new PyGlobal('collections', 'OrderedDict');
  readonly #untypedClass = new PyGlobal(...UNTYPED_STORAGE);
  readonly #functions = new Map<string, PyGlobal>();
  /** By dtype, since a graph has few of those and many tensors. */
  readonly #classes = new Map<Dtype, PyGlobal>();
  readonly #dtypeNames = new Map<Dtype, PyGlobal>();
  readonly #storages: Storage[] = [];
  readonly #storageOf = new Map<PyPersistent, Storage>();
  /** dtypes of the storages that have none of their own. */
  readonly #untyped = new Map<Storage, Dtype>();
  readonly #damage: UnreadableError[] = [];

  storage(raw: RawStorage): Storage {
    const { key, dtype, bytes, content, fileOffset, location = 'cpu', crc32, byteOrder = 'little' } = raw;
    const storageClass = this.#classOf(dtype);
    const isTyped = storageClass.module === 'torch';
    const storage: Storage = {
      key,
      storageClass,
      dtype: isTyped ? dtype : undefined,
      location,
      numel: isTyped ? Math.floor(bytes / dtype.itemSize) : bytes,
      bytes,
      fileOffset,
      content,
      crc32,
      byteOrder,
    };
    this.#storages.push(storage);
    if (!isTyped) this.#untyped.set(storage, dtype);
    return storage;
  }

  /** A tensor that views a storage of this graph. */
  tensor(storage: Storage, { shape, stride, storageOffset = 0, requiresGrad = false }: RawTensor): PyObject {
    const { storageClass, key, location, numel, dtype } = storage;
    const persistent = new PyPersistent(new PyTuple(['storage', storageClass, key, location, numel]));
    this.#storageOf.set(persistent, storage);
    const args: Value[] = [
      persistent,
      storageOffset,
      tuple(shape),
      tuple(stride ?? contiguousStride(shape)),
      requiresGrad,
      this.orderedDict(),
    ];
    if (dtype) return this.#call('_rebuild_tensor_v2', args);
    args.push(this.#dtypeName(this.#untyped.get(storage) as Dtype));
    return this.#call('_rebuild_tensor_v3', args);
  }

  /** A tensor of this graph as a `torch.nn.Parameter`. */
  parameter(tensor: Value, requiresGrad: boolean): PyObject {
    return this.#call('_rebuild_parameter', [tensor, requiresGrad, this.orderedDict()]);
  }

  /** A `collections.OrderedDict`, as state_dicts are. */
  orderedDict(keys: Value[] = [], values: Value[] = []): PyObject {
    const dict = new PyObject('reduce', this.#orderedDict, EMPTY_TUPLE);
    if (keys.length > 0) dict.effects = [{ op: 'set', keys, values }];
    return dict;
  }

  addDamage(damage: UnreadableError): void {
    this.#damage.push(damage);
  }

  table(): StorageTable {
    return { storages: this.#storages, storageOf: this.#storageOf, damage: this.#damage };
  }

  #call(name: string, args: Value[]): PyObject {
    let callable = this.#functions.get(name);
    if (callable === undefined) {
      callable = new PyGlobal('torch._utils', name);
      this.#functions.set(name, callable);
    }
    return new PyObject('reduce', callable, new PyTuple(args));
  }

  #classOf(dtype: Dtype): PyGlobal {
    let storageClass = this.#classes.get(dtype);
    if (storageClass === undefined) {
      const name = storageClassName(dtype);
      storageClass = name === undefined ? this.#untypedClass : new PyGlobal('torch', name);
      this.#classes.set(dtype, storageClass);
    }
    return storageClass;
  }

  #dtypeName(dtype: Dtype): PyGlobal {
    let global = this.#dtypeNames.get(dtype);
    if (global === undefined) {
      global = new PyGlobal('torch', dtype.name);
      this.#dtypeNames.set(dtype, global);
    }
    return global;
  }
}

function tuple(numbers: readonly number[]): PyTuple {
  return numbers.length === 0 ? EMPTY_TUPLE : new PyTuple(numbers as number[]);
}
