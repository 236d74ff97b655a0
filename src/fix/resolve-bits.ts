import { contiguousStride } from '../torch/contiguous-stride.ts';
import { denseStorage } from './dense.ts';
import type { Draft } from './draft.ts';
import { place, placementsOf } from './placements.ts';

/** Where the rebuild functions take the dict of lazy bits, which torch before 2.0 doesn't know. */
const BITS_AT: Readonly<Record<string, number>> = {
  'torch._utils._rebuild_tensor_v2': 6,
  'torch._utils._rebuild_tensor_v3': 7,
};

/**
 * Makes conjugated and negated views real: each gets a storage of its own with the numbers that it stands for.
 * @returns how many there were.
 */
export function resolveBits(draft: Draft): number {
  let count = 0;
  for (const placements of placementsOf(draft.checkpoint).byStorage.values()) {
    for (const placement of placements) {
      const { tensor, call, storage } = placement;
      const at = BITS_AT[call.name];
      if (at === undefined || !(tensor.conj || tensor.neg)) continue;
      const own = denseStorage(tensor, `${storage.key}.${count++}`);
      draft.setLocation(own, draft.locationOf(storage));
      call.items[0] = draft.addStorage(own);
      place(placement, 0, contiguousStride(tensor.shape));
      call.items.length = at;
    }
  }
  draft.touch();
  return count;
}
