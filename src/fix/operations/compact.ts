import type { Storage } from '../../checkpoint/storage.ts';
import type { Operation } from '../operation.ts';
import { place, placementsOf } from '../placements.ts';
import { shrinkStorage } from '../shrink-storage.ts';

/**
 * Leaves out of every storage what no tensor uses: what a slice keeps of the tensor that it was cut from. Tensors that share elements
 * go on sharing them, and one storage stays one storage.
 */
export function compact(): Operation {
  const name = 'compact';
  return {
    name,
    apply(draft) {
      const { byStorage, held } = placementsOf(draft.checkpoint);
      const shrunk = new Map<Storage, Storage>();
      let saved = 0;
      for (const [storage, placements] of byStorage) {
        if (held.has(storage)) continue;
        const small = shrinkStorage(storage, placements);
        if (!small) continue;
        for (const [index, placement] of placements.entries()) {
          const view = small.views[index] as (typeof small.views)[number];
          place(placement, view.storageOffset, view.stride);
        }
        shrunk.set(storage, small.storage);
        saved += storage.bytes - small.storage.bytes;
      }
      if (shrunk.size > 0) draft.replaceStorages(shrunk);
      const notes =
        shrunk.size > 0 ? [`${saved} bytes that no tensor uses go`] : ['tensors use all of their storages'];
      return { name, affected: shrunk.size, noun: 'storages', notes };
    },
  };
}
