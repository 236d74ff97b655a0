import { contentOffset, descriptorBytes } from '../zip/placement.ts';
import type { PlannedStorage } from './plan.ts';

/** Where an archive has what the arithmetic starts from. */
export interface OffsetBasis {
  /** Offset of the local header of the record `data/0`. */
  readonly firstHeader: number;
  /** Bytes of the folder's name and the slash behind it. */
  readonly prefixLength: number;
  /** As the record `.storage_alignment` says it. */
  readonly alignment: number;
}

/**
 * Whether the places that torch 2.7 and newer work out for storages, where a record `.format_version` allows it, are the places where
 * they are. It does so for map_location='meta' and on request for mmap=True, and checks nothing: it takes storages to follow each other
 * in the order of the pickle, from the key `0` on.
 */
export function offsetsCanBeComputed(storages: readonly PlannedStorage[], basis: OffsetBasis): boolean {
  const { firstHeader, prefixLength, alignment } = basis;
  let cursor = firstHeader;
  for (const [index, { storage, key }] of storages.entries()) {
    const nameLength = prefixLength + Buffer.byteLength(`data/${key}`);
    // the first is looked up
    const computed =
      index === 0 ? storage.fileOffset : contentOffset(cursor, nameLength, storage.bytes, alignment);
    if (computed === null || computed !== storage.fileOffset) return false;
    if (index === 0 && key !== '0') return false;
    cursor = computed + storage.bytes + descriptorBytes(cursor, storage.bytes);
  }
  return true;
}
