import type { Storage } from '../checkpoint/storage.ts';
import { RefusedError } from '../io/errors.ts';
import type { Dtype } from '../torch/dtypes.ts';
import { swapped, wholeContent } from './convert-storage.ts';
import type { Draft } from './draft.ts';
import { type Placement, placementsOf } from './placements.ts';

/**
 * Has the numbers of storages that a big-endian machine wrote written little-endian. torch itself swaps only storages that have a
 * dtype; in those that have none (float8 aside, uint16 to uint64 and complex32) it reads other numbers without a word.
 *
 * @returns what was done, in words.
 * @throws RefusedError for an untyped storage whose tensors are of several sizes.
 */
export function toLittleEndian(draft: Draft): string[] {
  const { checkpoint } = draft;
  const foreign = checkpoint.storages.filter(({ byteOrder }) => byteOrder === 'big');
  if (foreign.length === 0) return [];
  const { byStorage } = placementsOf(checkpoint);
  const turned = new Map<Storage, Storage>();
  let count = 0;
  for (const storage of foreign) {
    const unit = swapUnit(storage, byStorage.get(storage) ?? []);
    const content = wholeContent(storage);
    if (unit === 1 || !content) turned.set(storage, { ...storage, byteOrder: 'little' });
    else {
      turned.set(storage, {
        ...storage,
        byteOrder: 'little',
        content: swapped(content, unit),
        fileOffset: null,
        crc32: undefined,
      });
      count++;
    }
  }
  draft.replaceStorages(turned);
  return count > 0 ? [`${count} storages are turned from big-endian to little-endian`] : [];
}

function swapUnit({ dtype, key }: Storage, placements: readonly Placement[]): number {
  if (dtype) return dtype.swapSize;
  const units = new Set(placements.map(({ tensor }): Dtype['swapSize'] => tensor.dtype.swapSize));
  if (units.size > 1)
    throw new RefusedError(
      `storage ${key} is big-endian and shown as numbers of different sizes, so its bytes have no one order`,
    );
  const [unit = 1] = units;
  return unit;
}
