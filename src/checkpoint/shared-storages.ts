import type { Checkpoint } from './checkpoint.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

/** Which storages the listed tensors and their parts view. */
interface Viewed {
  readonly once: ReadonlySet<Storage>;
  readonly shared: ReadonlySet<Storage>;
  /** Those of the checkpoint that are not among them, once they were asked for. */
  missed?: readonly Storage[];
}

const KNOWN = new WeakMap<readonly Tensor[], Viewed>();

/** The storages that more than one listed tensor, or part of a tensor, views: few, so that all others need no second look. Found once a list. */
export function sharedStorages(tensors: readonly Tensor[]): ReadonlySet<Storage> {
  return viewedStorages(tensors).shared;
}

/** The storages that no listed tensor views, in the order of the file; none in nearly all of them. */
export function unviewedStorages({
  tensors,
  storages,
}: Pick<Checkpoint, 'tensors' | 'storages'>): readonly Storage[] {
  const viewed = viewedStorages(tensors);
  viewed.missed ??= storages.filter((storage) => !viewed.once.has(storage));
  return viewed.missed;
}

function viewedStorages(tensors: readonly Tensor[]): Viewed {
  let viewed = KNOWN.get(tensors);
  if (!viewed) {
    viewed = findViewed(tensors);
    KNOWN.set(tensors, viewed);
  }
  return viewed;
}

function findViewed(tensors: readonly Tensor[]): Viewed {
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
  return { once, shared };
}
