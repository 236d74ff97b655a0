import { EMPTY_TUPLE, type PyGlobal, PyObject, PyPersistent, PyTuple, type Value } from './values.ts';

/**
 * What most tensors of a stream have in common, as torch.save writes them: a call of `torch._utils._rebuild_tensor_v2` with a
 * persistent id `('storage', class, key, location, numel)`, an offset, a size, a stride, a flag and an empty OrderedDict.
 */
export interface TensorMould {
  readonly rebuild: PyGlobal;
  readonly storageClass: PyGlobal;
  readonly location: string;
  /** The class of the empty mapping for hooks. */
  readonly hooks: PyGlobal;
  /** The id has a sixth item, None, as in the legacy form: the storage is no view of another. */
  readonly withView: boolean;
  readonly requiresGrad: boolean;
}

/** A persistent id of a storage, of which the tuple is made when somebody asks for it. */
export class StorageReference extends PyPersistent {
  readonly mould: TensorMould;
  /** Its place among the persistent ids of the stream. */
  readonly ordinal: number;
  readonly key: string;
  /** Elements of the storage class. */
  readonly numel: number;
  /** The id, once it was asked for or replaced. */
  written: Value | undefined;

  constructor(mould: TensorMould, ordinal: number, key: string, numel: number) {
    super(undefined as unknown as Value);
    this.mould = mould;
    this.ordinal = ordinal;
    this.key = key;
    this.numel = numel;
  }

  /** Nobody has seen the tuple yet, so that it is what the fields say. */
  get isUnread(): boolean {
    return this.written === undefined;
  }

  override get id(): Value {
    this.written ??= this.#write();
    return this.written;
  }

  override set id(id: Value) {
    this.written = id;
  }

  #write(): PyTuple {
    const { storageClass, location, withView } = this.mould;
    const items: Value[] = ['storage', storageClass, this.key, location, this.numel];
    if (withView) items.push(null);
    return new PyTuple(items);
  }
}

/**
 * A tensor as torch.save writes it, read at one go. Its arguments, a dozen nodes, are made when somebody asks for them: who wants
 * to know what tensors a file has need not.
 */
export class TensorCall extends PyObject {
  readonly storage: StorageReference;
  /** In elements. */
  readonly storageOffset: number;
  /** Shared by the tensors that have the same; never to be written to. */
  readonly shape: readonly number[];
  /** In elements; shared likewise. */
  readonly stride: readonly number[];
  /** The memo slot of the first of its parts. */
  readonly firstSlot: number;
  /** The arguments, once they were asked for or replaced. */
  written: Value | undefined;

  constructor(
    storage: StorageReference,
    storageOffset: number,
    shape: readonly number[],
    stride: readonly number[],
    firstSlot: number,
    offset: number,
  ) {
    super('reduce', storage.mould.rebuild, undefined as unknown as Value, offset);
    this.storage = storage;
    this.storageOffset = storageOffset;
    this.shape = shape;
    this.stride = stride;
    this.firstSlot = firstSlot;
  }

  get mould(): TensorMould {
    return this.storage.mould;
  }

  /** Among the tensors of the stream it is that of its storage's id. */
  get ordinal(): number {
    return this.storage.ordinal;
  }

  get requiresGrad(): boolean {
    return this.storage.mould.requiresGrad;
  }

  /** Nobody has seen the arguments yet, so that they are what the fields say. */
  get isUnread(): boolean {
    return this.written === undefined;
  }

  override get args(): Value {
    this.written ??= this.#write();
    return this.written;
  }

  override set args(args: Value) {
    this.written = args;
  }

  /** The call that makes the mapping for hooks; the stream has it before this one. */
  get hooks(): PyObject {
    return this.parts().at(-2) as PyObject;
  }

  /** How many memo slots its parts fill: the id, the hooks and the arguments, and a size and a stride that are not empty. */
  get slots(): number {
    return this.shape.length === 0 ? 3 : 5;
  }

  /** The parts that the stream puts into its memo, in their order. */
  parts(): readonly Value[] {
    const args = this.args as PyTuple;
    const [storage, , size, stride, , hooks] = args.items;
    const { id } = storage as PyPersistent;
    // the empty tuple is never put aside
    const sizes = this.shape.length === 0 ? [] : [size as Value, stride as Value];
    return [id, ...sizes, hooks as Value, args];
  }

  #write(): PyTuple {
    return new PyTuple([
      this.storage,
      this.storageOffset,
      tupleOf(this.shape),
      tupleOf(this.stride),
      this.requiresGrad,
      new PyObject('reduce', this.mould.hooks, EMPTY_TUPLE, this.#hooksOffset()),
    ]);
  }

  /** Between that REDUCE and the one of the tensor stand two PUTs and the TUPLE of the arguments. */
  #hooksOffset(): number {
    const hooksSlot = this.firstSlot + this.slots - 2;
    return this.offset - 2 - putBytes(hooksSlot) - putBytes(hooksSlot + 1);
  }
}

/** Bytes of the opcode that fills a memo slot, as picklers of protocols 1 to 3 write it. */
function putBytes(slot: number): number {
  return slot < 256 ? 2 : 5;
}

function tupleOf(numbers: readonly number[]): PyTuple {
  return numbers.length === 0 ? EMPTY_TUPLE : new PyTuple([...numbers]);
}

/** Every call of a trace in its order, with those that make the arguments of tensors. */
export function* eachCall(calls: Iterable<PyObject>): Generator<PyObject> {
  for (const call of calls) {
    if (call instanceof TensorCall) yield call.hooks;
    yield call;
  }
}
