import type { Storage } from '../checkpoint/storage.ts';
import { usedRuns } from '../checkpoint/used-runs.ts';
import type { View } from '../checkpoint/view-coverage.ts';
import { isRange } from '../io/segment.ts';
import { pickRuns } from '../io/slice.ts';
import type { Placement } from './placements.ts';

/** Offsets of every dtype are multiples of their size only where what goes before them is one of this. */
const COARSE = 16;

/** A storage that holds only what its tensors use, and where those stand on it. */
export interface ShrunkStorage {
  readonly storage: Storage;
  readonly views: readonly { readonly storageOffset: number; readonly stride: readonly number[] }[];
}

/**
 * Leaves out of a storage what no tensor on it uses. Undefined where all of it is used, or where values are packed into bytes.
 * @param key Of the new storage.
 */
export function shrinkStorage(
  storage: Storage,
  placements: readonly Placement[],
  key = storage.key,
): ShrunkStorage | undefined {
  const { content, numel, bytes, dtype } = storage;
  if (!content || placements.some(({ tensor }) => tensor.dtype.valuesPerByte)) return undefined;
  const sizes = new Set(placements.map(({ tensor }) => tensor.dtype.itemSize));
  if (dtype) sizes.add(dtype.itemSize);
  const [itemSize] = sizes;
  if (itemSize === undefined) return undefined;
  const alike = sizes.size === 1;
  const used = alike ? usedRuns(placements.map(({ tensor }) => tensor)) : coarsely(placements, bytes);
  const unit = alike ? itemSize : 1;
  if (used.elements * unit >= bytes) return undefined;
  const runs = used.runs.map((element) => element * unit);
  const kept = used.elements * unit;
  const picked = pickRuns(content, runs);
  const shrunk: Storage = {
    ...storage,
    key,
    numel: (numel / bytes) * kept,
    bytes: kept,
    content: picked,
    fileOffset: isRange(picked) ? picked.offset : null,
    crc32: undefined,
  };
  return { storage: shrunk, views: used.views };
}

/** Tensors of several dtypes on one storage: in bytes, cut only where every dtype stays aligned. */
function coarsely(placements: readonly Placement[], bytes: number) {
  const spans = placements.map(({ tensor }): View => {
    const { shape, stride, storageOffset, elements, dtype } = tensor;
    const reach = shape.reduce((sum, size, dim) => sum + (size - 1) * (stride[dim] ?? 0), 0);
    const begin = Math.floor((storageOffset * dtype.itemSize) / COARSE) * COARSE;
    const end = Math.ceil(((storageOffset + reach + 1) * dtype.itemSize) / COARSE) * COARSE;
    const size = elements === 0 ? 0 : Math.min(bytes, end) - begin;
    return { shape: [size], stride: [1], storageOffset: begin, elements: size };
  });
  const used = usedRuns(spans);
  const views = placements.map(({ tensor }, index) => {
    const { storageOffset, stride, dtype, elements } = tensor;
    const moved = (used.views[index]?.storageOffset ?? 0) - (spans[index]?.storageOffset ?? 0);
    return { storageOffset: elements === 0 ? 0 : storageOffset + moved / dtype.itemSize, stride };
  });
  return { ...used, views };
}
