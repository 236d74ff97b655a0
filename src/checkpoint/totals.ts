import type { Dtype } from '../torch/dtypes.ts';
import type { Checkpoint } from './checkpoint.ts';
import { sharedStorages } from './shared-storages.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { coverageBudget, coveredElements, isContiguous } from './view-coverage.ts';

/** Sums over a checkpoint. Contract of DESIGN: `totals` of the JSON documents. */
export interface Totals {
  /** Places at which a tensor stands; a tensor that stands at two paths counts twice. */
  readonly tensors: number;
  /** Elements of floating-point and quantized tensors; what several tensors share counts once. */
  readonly parameters: number;
  readonly storages: number;
  /** Bytes of all listed tensors, each as if it stood alone. */
  readonly tensorBytes: number;
  /** Bytes that the storages claim. */
  readonly storageBytes: number;
  readonly byDtype: Readonly<Record<string, { readonly tensors: number; readonly bytes: number }>>;
  readonly byLocation: Readonly<Record<string, { readonly storages: number; readonly bytes: number }>>;
}

export function totalsOf(checkpoint: Pick<Checkpoint, 'tensors' | 'storages'>): Totals {
  const byDtype = new Map<string, { tensors: number; bytes: number }>();
  let tensorBytes = 0;
  let dtype: Dtype | undefined;
  let sum = { tensors: 0, bytes: 0 };
  const { tensors, storages } = checkpoint;
  for (let index = 0; index < tensors.length; index++) {
    const tensor = tensors[index] as Tensor;
    tensorBytes += tensor.bytes;
    // most have that of the one before
    if (tensor.dtype !== dtype) {
      dtype = tensor.dtype;
      sum = getOrAdd(byDtype, dtype.name, () => ({ tensors: 0, bytes: 0 }));
    }
    sum.tensors += 1;
    sum.bytes += tensor.bytes;
  }
  const byLocation = new Map<string, { storages: number; bytes: number }>();
  let storageBytes = 0;
  let location: string | undefined;
  let there = { storages: 0, bytes: 0 };
  for (let index = 0; index < storages.length; index++) {
    const storage = storages[index] as Storage;
    storageBytes += storage.bytes;
    if (storage.location !== location) {
      location = storage.location;
      there = getOrAdd(byLocation, location, () => ({ storages: 0, bytes: 0 }));
    }
    there.storages += 1;
    there.bytes += storage.bytes;
  }
  return {
    tensors: tensors.length,
    parameters: parametersOf(checkpoint),
    storages: storages.length,
    tensorBytes,
    storageBytes,
    byDtype: toRecord(byDtype),
    byLocation: toRecord(byLocation),
  };
}

/**
 * Elements of the floating-point and quantized tensors. Views of one storage count what they cover together: a tied weight
 * counts once, the disjoint q, k and v of a fused projection add up. Tensors without a storage count once an object.
 */
export function parametersOf(checkpoint: Pick<Checkpoint, 'tensors' | 'storages'>): number {
  const { tensors } = checkpoint;
  const shared = sharedStorages(checkpoint);
  const views = new Map<Storage, Tensor[]>();
  const budget = coverageBudget();
  const withoutStorage = new Set<Tensor['node']>();
  let sum = 0;
  const add = (tensor: Tensor): void => {
    const { storage } = tensor;
    if (!storage && tensor.parts.length > 0) {
      // sparse, nested and wrapping tensors are nothing but their parts, and those are what has bytes
      for (const part of tensor.parts) add(part);
      return;
    }
    if (tensor.dtype.family !== 'float' && tensor.dtype.family !== 'quantized') return;
    if (!storage) {
      if (!withoutStorage.has(tensor.node)) sum += tensor.elements;
      withoutStorage.add(tensor.node);
      return;
    }
    if (shared.has(storage)) getOrAdd(views, storage, () => []).push(tensor);
    else sum += isContiguous(tensor) ? tensor.elements : coveredElements([tensor], budget);
  };
  for (let index = 0; index < tensors.length; index++) add(tensors[index] as Tensor);
  for (const ofStorage of views.values()) {
    for (const alike of groupByDtype(ofStorage)) sum += coveredElements(alike, budget);
  }
  return sum;
}

/** An untyped storage may be viewed under several dtypes, whose elements can't be laid over each other. */
function groupByDtype(tensors: readonly Tensor[]): Tensor[][] {
  const groups = new Map<string, Tensor[]>();
  for (const tensor of tensors) getOrAdd(groups, tensor.dtype.name, () => []).push(tensor);
  return [...groups.values()];
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Without a prototype, because the keys come from files: `__proto__` is a location like any other. */
function toRecord<V>(map: ReadonlyMap<string, V>): Record<string, V> {
  const record: Record<string, V> = Object.create(null);
  for (const [key, value] of map) record[key] = value;
  return record;
}
