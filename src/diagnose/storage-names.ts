import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { unviewedStorages } from '../checkpoint/shared-storages.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';

type Listed = Pick<Checkpoint, 'tensors' | 'storages'>;
type Test = (storage: Storage) => boolean;

/** Names of the tensors on some storages; a storage that no listed tensor views is named itself: `storage 3`. */
export function namesOn(checkpoint: Listed, storages: ReadonlySet<Storage>): string[] {
  return namesWhere(checkpoint, (storage) => storages.has(storage));
}

/** The same for the storages that a test picks, which must be quick: it is asked once a tensor. */
export function namesWhere(checkpoint: Listed, test: Test): string[] {
  const { tensors } = checkpoint;
  // mostly it is all of them or none
  const names: string[] = new Array(tensors.length);
  let count = 0;
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i] as Tensor;
    if (standsOn(tensor, test)) names[count++] = tensor.name;
  }
  names.length = count;
  for (const storage of unviewedStorages(checkpoint)) if (test(storage)) names.push(`storage ${storage.key}`);
  return names;
}

/** A sparse or nested tensor has its storages in its parts. */
function standsOn(tensor: Tensor, test: Test): boolean {
  const { storage, parts } = tensor;
  return (
    (storage !== undefined && test(storage)) ||
    (parts.length > 0 && parts.some((part) => standsOn(part, test)))
  );
}
