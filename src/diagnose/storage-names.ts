import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';

/** Names of the tensors on some storages; a storage that no listed tensor views is named itself: `storage 3`. */
export function namesOn({ tensors }: Pick<Checkpoint, 'tensors'>, storages: ReadonlySet<Storage>): string[] {
  const names: string[] = [];
  const bare = new Set(storages);
  for (const tensor of tensors) {
    const hit = storagesOf(tensor).filter((storage) => storages.has(storage));
    if (hit.length) names.push(tensor.name);
    for (const storage of hit) bare.delete(storage);
  }
  for (const storage of bare) names.push(`storage ${storage.key}`);
  return names;
}

/** A sparse or nested tensor has its storages in its parts. */
function storagesOf({ storage, parts }: Tensor): Storage[] {
  const own = storage ? [storage] : [];
  return parts.length ? [...own, ...parts.flatMap(storagesOf)] : own;
}
