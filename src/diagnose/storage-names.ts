import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';

/** Names of the tensors on some storages; a storage that no listed tensor views is named itself: `storage 3`. */
export function namesOn({ tensors }: Pick<Checkpoint, 'tensors'>, storages: ReadonlySet<Storage>): string[] {
  const names: string[] = [];
  const viewed = new Set<Storage>();
  for (const tensor of tensors) if (standsOn(tensor, storages, viewed)) names.push(tensor.name);
  if (viewed.size < storages.size)
    for (const storage of storages) if (!viewed.has(storage)) names.push(`storage ${storage.key}`);
  return names;
}

/** A sparse or nested tensor has its storages in its parts. Those that it has are put to `viewed`. */
function standsOn({ storage, parts }: Tensor, wanted: ReadonlySet<Storage>, viewed: Set<Storage>): boolean {
  let hit = storage !== undefined && wanted.has(storage);
  if (hit) viewed.add(storage as Storage);
  for (const part of parts) if (standsOn(part, wanted, viewed)) hit = true;
  return hit;
}
