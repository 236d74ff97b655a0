import type { Storage } from '../checkpoint/storage.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, type Segment } from '../io/segment.ts';
import { NodeTable } from '../pickle/node-table.ts';
import type { PyPersistent } from '../pickle/values.ts';
import { type StorageId, storageIdOf } from '../torch/storage-id.ts';
import { KeyTable } from './key-table.ts';

/** Where a container keeps the bytes of a storage. */
export interface StoredBytes {
  /** Undefined where the container has none of them. */
  readonly content: Segment | undefined;
  /** CRC-32 that the container declares. */
  readonly crc32?: number | undefined;
  /** What is wrong with them. */
  readonly damage?: UnreadableError;
}

/** The storages that the persistent ids of a pickle name. */
export interface StorageTable {
  /** In the order of first use. */
  readonly storages: readonly Storage[];
  readonly storageOf: ReadonlyMap<PyPersistent, Storage>;
  readonly damage: readonly UnreadableError[];
}

export const NO_STORAGES: StorageTable = { storages: [], storageOf: new Map(), damage: [] };

/**
 * One storage per key, in the order of first use. Where two ids give one key different dtypes, torch keeps the first.
 * @param find Is asked once a key, with the number of bytes that the pickle claims for it.
 */
export function storageTable(
  persistents: readonly PyPersistent[],
  byteOrder: 'little' | 'big',
  find: (id: StorageId, bytes: number) => StoredBytes,
): StorageTable {
  const byKey = new KeyTable<Storage>(persistents.length);
  const storages: Storage[] = [];
  const storageOf = new NodeTable<PyPersistent, Storage>(persistents.length);
  const damage: UnreadableError[] = [];
  for (let index = 0; index < persistents.length; index++) {
    const persistent = persistents[index] as PyPersistent;
    const id = storageIdOf(persistent);
    if (!id) {
      damage.push(new UnreadableError('bad-pickle', 'bad pickle: a persistent id that describes no storage'));
      continue;
    }
    let storage = byKey.get(id.key);
    if (!storage) {
      const bytes = id.numel * (id.dtype?.itemSize ?? 1);
      const found = find(id, bytes);
      if (found.damage) damage.push(found.damage);
      storage = storageOfId(id, bytes, found, byteOrder);
      byKey.set(id.key, storage);
      storages.push(storage);
    }
    storageOf.set(persistent, storage);
  }
  return { storages, storageOf, damage };
}

function storageOfId(
  id: StorageId,
  bytes: number,
  { content, crc32 }: StoredBytes,
  byteOrder: 'little' | 'big',
): Storage {
  return {
    key: id.key,
    storageClass: id.storageClass,
    dtype: id.dtype,
    location: id.location,
    numel: id.numel,
    bytes,
    fileOffset: content && isRange(content) ? content.offset : null,
    content,
    crc32,
    byteOrder,
  };
}
