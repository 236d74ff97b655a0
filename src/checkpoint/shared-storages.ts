import type { Checkpoint } from './checkpoint.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

type Listed = Pick<Checkpoint, 'tensors' | 'storages'>;

/** How the listed tensors and their parts view the storages of a checkpoint. */
interface Viewed {
  readonly shared: ReadonlySet<Storage>;
  /** Those that none of them views. */
  readonly missed: readonly Storage[];
}

const KNOWN = new WeakMap<readonly Tensor[], Viewed>();

/** The storages that more than one listed tensor, or part of a tensor, views: few, so that all others need no second look. Found once a list. */
export function sharedStorages(checkpoint: Listed): ReadonlySet<Storage> {
  return viewedStorages(checkpoint).shared;
}

/** The storages that no listed tensor views, in the order of the file; none in nearly all of them. */
export function unviewedStorages(checkpoint: Listed): readonly Storage[] {
  return viewedStorages(checkpoint).missed;
}

function viewedStorages(checkpoint: Listed): Viewed {
  let viewed = KNOWN.get(checkpoint.tensors);
  if (!viewed) {
    viewed = viewedInTurn(checkpoint) ? { shared: new Set(), missed: [] } : findViewed(checkpoint);
    KNOWN.set(checkpoint.tensors, viewed);
  }
  return viewed;
}

/** Each tensor has the storage that comes next, as where nothing is shared: seen without a set of a hundred thousand. */
function viewedInTurn({ tensors, storages }: Listed): boolean {
  if (tensors.length !== storages.length) return false;
  for (let i = 0; i < tensors.length; i++) {
    const { storage, parts } = tensors[i] as Tensor;
    if (storage !== storages[i] || parts.length > 0) return false;
  }
  return true;
}

function findViewed({ tensors, storages }: Listed): Viewed {
  const once = new Set<Storage>();
  const shared = new Set<Storage>();
  const add = (tensor: Tensor): void => {
    const { storage, parts } = tensor;
    if (storage) {
      const before = once.size;
      once.add(storage);
      if (once.size === before) shared.add(storage);
    }
    for (let i = 0; i < parts.length; i++) add(parts[i] as Tensor);
  };
  for (const tensor of tensors) add(tensor);
  return { shared, missed: storages.filter((storage) => !once.has(storage)) };
}
