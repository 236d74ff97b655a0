import { KeyTable } from '../../formats/key-table.ts';
import type { TensorEntry } from '../inspect-document.ts';

/** Tensors that stand in one storage. */
export interface SharedStorage {
  readonly key: string;
  readonly members: readonly TensorEntry[];
  /** All of them view the same elements in the same way: one tensor under several names. */
  readonly tied: boolean;
}

/** The storages that several listed tensors view, in the order of the file. */
export function sharedStorages(tensors: readonly TensorEntry[]): SharedStorage[] {
  const first = new KeyTable<TensorEntry>(tensors.length);
  // few storages are shared: only these get a list
  const several = new Map<string, TensorEntry[]>();
  for (const tensor of tensors) {
    if (tensor.storage === null) continue;
    const before = first.get(tensor.storage);
    if (!before) {
      first.set(tensor.storage, tensor);
      continue;
    }
    const members = several.get(tensor.storage);
    if (members) members.push(tensor);
    else several.set(tensor.storage, [before, tensor]);
  }
  if (several.size === 0) return [];
  const shared: SharedStorage[] = [];
  for (const before of tensors) {
    const key = before.storage;
    const members = key === null ? undefined : several.get(key);
    if (key === null || members?.[0] !== before) continue;
    shared.push({ key, members, tied: members.every((each) => isSameView(each, before)) });
  }
  return shared;
}

function isSameView(a: TensorEntry, b: TensorEntry): boolean {
  return (
    a.dtype === b.dtype &&
    a.storageOffset === b.storageOffset &&
    a.shape.join() === b.shape.join() &&
    a.stride.join() === b.stride.join()
  );
}
