import type { Checkpoint } from './checkpoint.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { coverageBudget, coveredElements, isContiguous } from './view-coverage.ts';

/** What storages hold beside what their tensors view. */
export interface Waste {
  readonly bytes: number;
  /** The tensors on such storages. */
  readonly tensors: readonly Tensor[];
  /** Of each such storage, the bytes that no tensor views. */
  readonly byStorage: ReadonlyMap<Storage, number>;
}

/** Bytes of the storages that no tensor views: what a slice keeps of the tensor that it was cut from. */
export function findWaste({ tensors, storages }: Pick<Checkpoint, 'tensors' | 'storages'>): Waste {
  const views = new Map<Storage, { view: Tensor; listed: Tensor }[]>();
  const add = (view: Tensor, listed: Tensor): void => {
    if (view.storage && !fills(view, view.storage)) {
      const known = views.get(view.storage);
      if (known) known.push({ view, listed });
      else views.set(view.storage, [{ view, listed }]);
    }
    for (const part of view.parts) add(part, listed);
  };
  // most tensors are like the one before, down to the arrays of their numbers
  let like: Tensor | undefined;
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i] as Tensor;
    const { storage, parts, shape, stride, bytes } = tensor;
    if (parts.length === 0) {
      if (!storage) continue;
      const isLike = shape === like?.shape && stride === like.stride && bytes === storage.bytes;
      if (isLike || fills(tensor, storage)) {
        like = tensor;
        continue;
      }
    }
    add(tensor, tensor);
  }
  if (views.size === 0) return { bytes: 0, tensors: [], byStorage: new Map() };
  forgetFilled(views, tensors);
  const budget = coverageBudget();
  let bytes = 0;
  const wasteful = new Set<Tensor>();
  const byStorage = new Map<Storage, number>();
  for (const storage of storages) {
    const viewed = views.get(storage);
    // a storage that no listed tensor views was saved for itself, as torch.save can
    if (!viewed) continue;
    const unused =
      storage.bytes -
      bytesViewed(
        viewed.map(({ view }) => view),
        budget,
      );
    if (unused <= 0) continue;
    bytes += unused;
    byStorage.set(storage, unused);
    for (const { listed } of viewed) wasteful.add(listed);
  }
  return { bytes, tensors: [...wasteful], byStorage };
}

/** Nearly all tensors of nearly all checkpoints do, and cost no more than this. */
function fills(view: Tensor, storage: Storage): boolean {
  return view.bytes === storage.bytes && isContiguous(view);
}

/** Of the storages of slices, those that some other tensor fills. */
function forgetFilled(views: Map<Storage, unknown>, tensors: readonly Tensor[]): void {
  for (const tensor of tensors) {
    if (tensor.storage && fills(tensor, tensor.storage)) views.delete(tensor.storage);
    if (tensor.parts.length > 0) forgetFilled(views, tensor.parts);
  }
}

/** The views of an untyped storage may differ in dtype and can't be laid over each other then: the sum is the most they view. */
function bytesViewed(views: readonly Tensor[], budget: ReturnType<typeof coverageBudget>): number {
  const byDtype = new Map<Tensor['dtype'], Tensor[]>();
  for (const view of views) {
    const alike = byDtype.get(view.dtype);
    if (alike) alike.push(view);
    else byDtype.set(view.dtype, [view]);
  }
  let bytes = 0;
  for (const [{ itemSize, valuesPerByte = 1 }, alike] of byDtype)
    bytes += Math.ceil((coveredElements(alike, budget) * itemSize) / valuesPerByte);
  return bytes;
}
