import { sharedStorages as storagesOfSeveral } from '../../checkpoint/shared-storages.ts';
import type { Storage } from '../../checkpoint/storage.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import type { Listed } from '../inspect-document.ts';

/** Tensors that stand in one storage. */
export interface SharedStorage {
  readonly storage: Storage;
  readonly members: readonly Tensor[];
  /** All of them view the same elements in the same way: one tensor under several names. */
  readonly tied: boolean;
}

/** The storages that several listed tensors view, in the order of the file. */
export function sharedStorages(listed: Listed): SharedStorage[] {
  // parts of tensors count there too
  const candidates = storagesOfSeveral(listed);
  if (candidates.size === 0) return [];
  const members = new Map<Storage, Tensor[]>();
  for (const tensor of listed.tensors) {
    const { storage } = tensor;
    if (!storage || !candidates.has(storage)) continue;
    const known = members.get(storage);
    if (known) known.push(tensor);
    else members.set(storage, [tensor]);
  }
  const shared: SharedStorage[] = [];
  for (const [storage, views] of members) {
    if (views.length < 2) continue;
    const first = views[0] as Tensor;
    shared.push({ storage, members: views, tied: views.every((each) => isSameView(each, first)) });
  }
  return shared;
}

function isSameView(a: Tensor, b: Tensor): boolean {
  return (
    a.dtype.name === b.dtype.name &&
    a.storageOffset === b.storageOffset &&
    a.shape.join() === b.shape.join() &&
    a.stride.join() === b.stride.join()
  );
}
