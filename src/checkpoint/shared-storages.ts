import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

const KNOWN = new WeakMap<readonly Tensor[], ReadonlySet<Storage>>();

/** The storages that more than one listed tensor, or part of a tensor, views: few, so that all others need no second look. Found once a list. */
export function sharedStorages(tensors: readonly Tensor[]): ReadonlySet<Storage> {
  let shared = KNOWN.get(tensors);
  if (!shared) {
    shared = findShared(tensors);
    KNOWN.set(tensors, shared);
  }
  return shared;
}

function findShared(tensors: readonly Tensor[]): Set<Storage> {
  const viewed = new Set<Storage>();
  const shared = new Set<Storage>();
  const add = ({ storage, parts }: Tensor): void => {
    if (storage) {
      const before = viewed.size;
      viewed.add(storage);
      if (viewed.size === before) shared.add(storage);
    }
    for (const part of parts) add(part);
  };
  for (const tensor of tensors) add(tensor);
  return shared;
}
