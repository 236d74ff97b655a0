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
  const byStorage = new Map<string, TensorEntry[]>();
  for (const tensor of tensors) {
    if (tensor.storage === null) continue;
    const members = byStorage.get(tensor.storage);
    if (members) members.push(tensor);
    else byStorage.set(tensor.storage, [tensor]);
  }
  const shared: SharedStorage[] = [];
  for (const [key, members] of byStorage) {
    const [first] = members as [TensorEntry];
    if (members.length > 1)
      shared.push({ key, members, tied: members.every((each) => isSameView(each, first)) });
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
