import { placesOf } from '../../checkpoint/places.ts';
import { type PyNode, PyObject, type Value } from '../../pickle/values.ts';
import { copyTensor, stridedCall } from '../../torch/strided-call.ts';
import type { Draft } from '../draft.ts';
import type { Operation } from '../operation.ts';
import { type Placement, place, placementsOf } from '../placements.ts';
import { shrinkStorage } from '../shrink-storage.ts';

/**
 * Gives each tensor a storage of its own with only its elements: tied weights become copies, and one tensor that stands at several
 * places becomes several.
 */
export function untie(): Operation {
  const name = 'untie';
  return {
    name,
    apply(draft) {
      copyRepeated(draft);
      let affected = 0;
      let added = 0;
      const { byStorage, held } = placementsOf(draft.checkpoint);
      for (const [storage, placements] of byStorage) {
        if (placements.length < 2 && !held.has(storage)) continue;
        for (const [index, placement] of placements.entries()) {
          added += giveOwn(draft, placement, `${storage.key}.${index}`);
          affected++;
        }
        if (!held.has(storage)) added -= storage.bytes;
      }
      const notes =
        affected > 0
          ? [`${added} bytes more, for copies of what was shared`]
          : ['no two tensors share a storage'];
      return { name, affected, noun: 'tensors', notes };
    },
  };
}

/** One object at several places is several tensors from now on. */
function copyRepeated(draft: Draft): void {
  const seen = new Set<PyNode>();
  const done = new Map<Value[], Set<number>>();
  for (const { tensor, slot } of placesOf(draft.checkpoint)) {
    if (!slot || done.get(slot.held)?.has(slot.index)) continue;
    done.set(slot.held, (done.get(slot.held) ?? new Set<number>()).add(slot.index));
    const { node } = tensor;
    if (seen.has(node) && node instanceof PyObject && stridedCall(node))
      slot.held[slot.index] = copyTensor(node);
    seen.add(node);
  }
  draft.touch();
}

/** @returns the bytes of the new storage. */
function giveOwn(draft: Draft, placement: Placement, key: string): number {
  const { storage } = placement;
  const small = shrinkStorage(storage, [placement], key);
  const own = small?.storage ?? { ...storage, key };
  const view = small?.views[0];
  if (view) place(placement, view.storageOffset, view.stride);
  const node = draft.addStorage(own);
  draft.setLocation(own, draft.locationOf(storage));
  placement.call.items[0] = node;
  return own.bytes;
}
