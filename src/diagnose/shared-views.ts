import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { sharedStorages } from '../checkpoint/shared-storages.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';

/** A stretch of a storage, in bytes, with the tensors that view exactly it in one shape or another. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly tensors: readonly Tensor[];
}

/** The stretches of each storage that several tensors view, in the order of the storage; a stretch spans a view from its first to its last element. */
export function sharedStretches(
  checkpoint: Pick<Checkpoint, 'tensors' | 'storages'>,
): Map<Storage, Stretch[]> {
  const shared = sharedStorages(checkpoint);
  if (shared.size === 0) return new Map();
  const views = new Map<Storage, Tensor[]>();
  for (const tensor of checkpoint.tensors) {
    const { storage } = tensor;
    if (!storage || !shared.has(storage) || tensor.elements === 0) continue;
    const known = views.get(storage);
    if (known) known.push(tensor);
    else views.set(storage, [tensor]);
  }
  const several = [...views].filter(([, viewers]) => viewers.length > 1);
  return new Map(several.map(([storage, viewers]) => [storage, stretchesOf(viewers)]));
}

function stretchesOf(tensors: readonly Tensor[]): Stretch[] {
  const found = new Map<string, { start: number; end: number; tensors: Tensor[] }>();
  for (const tensor of tensors) {
    const { start, end } = spanOf(tensor);
    const key = `${start}:${end}`;
    const known = found.get(key);
    if (known) known.tensors.push(tensor);
    else found.set(key, { start, end, tensors: [tensor] });
  }
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

function spanOf({ shape, stride, storageOffset, dtype }: Tensor): { start: number; end: number } {
  const last = shape.reduce((at, size, dim) => at + (size - 1) * (stride[dim] ?? 0), storageOffset);
  return { start: storageOffset * dtype.itemSize, end: (last + 1) * dtype.itemSize };
}
