import type { ByteSource } from '../io/byte-source.ts';
import { LOCAL_HEADER_BYTES } from './constants.ts';
import type { ZipDirectory } from './directory.ts';
import type { EntryTable, ZipEntry } from './entry-table.ts';
import { dataOffsetIn, headerDamage, headerFault } from './local-header.ts';
import { contentOffset, DEFAULT_ALIGNMENT, descriptorBytes } from './placement.ts';

/** Headers this close together come in one read: the bytes between them cost less than another read. */
const NEAR = 16 * 1024;
const LONGEST_READ = 1024 * 1024;
/** Reads in flight at once; the thread pool has four threads. */
const AT_ONCE = 4;

export interface LocateOptions {
  /** Value of the record `.storage_alignment` where the archive has one; 64 otherwise. */
  readonly alignment?: number;
  /**
   * Entries whose local header is read whatever the arithmetic says. A header can lie in such a way that the arithmetic
   * holds and the content starts a few bytes further; for a pickle that would be another pickle than torch reads.
   */
  readonly exact?: (index: number, table: EntryTable) => boolean;
  /** Read the header of every entry. One that is damaged is told to `onFault`, where the arithmetic stands in for it. */
  readonly all?: boolean;
  /** Is told of every header that was read and is damaged or contradicts the directory. */
  readonly onFault?: (entry: ZipEntry, fault: string) => void;
}

/**
 * Offset of each entry's content, in the order of the directory.
 *
 * The directory tells where the local headers stand, but not how long they are. An archive that torch wrote is laid out
 * by a fixed rule, so the offset is computed, and taken where the record then ends exactly at the next header: that is
 * why a file of 100 000 records doesn't cost 100 000 reads. Where it doesn't, some other tool wrote the archive, and the
 * header itself is read, together with its neighbours.
 *
 * @throws UnreadableError `bad-archive` where a header that was read is none or leaves no room for the content.
 */
export async function locateData(
  source: ByteSource,
  directory: ZipDirectory,
  options: LocateOptions = {},
): Promise<Float64Array> {
  const { alignment = DEFAULT_ALIGNMENT, exact, all, onFault } = options;
  const { table, end } = directory;
  const { headerOffsets, storedSizes, sizes, nameLengths } = table;
  const order = fileOrder(table);
  const offsets = new Float64Array(table.length);
  const unknown: number[] = [];
  for (let rank = 0; rank < order.length; rank++) {
    const index = order[rank] as number;
    const following = order[rank + 1];
    const next = following === undefined ? end.directoryOffset : (headerOffsets[following] as number);
    const headerOffset = headerOffsets[index] as number;
    const size = sizes[index] as number;
    const predicted = contentOffset(headerOffset, nameLengths[index] as number, size, alignment);
    const finish = predicted + (storedSizes[index] as number) + descriptorBytes(headerOffset, size);
    const known = finish === next && exact?.(index, table) !== true;
    if (known) offsets[index] = predicted;
    if (!known || all) unknown.push(index);
  }
  await readOffsets(source, table, unknown, offsets, onFault);
  return offsets;
}

/** Numbers of the entries by the place of their headers; what writers make is in that order already. */
export function fileOrder({ length, headerOffsets }: EntryTable): Uint32Array {
  const order = new Uint32Array(length);
  let sorted = true;
  let last = 0;
  for (let index = 0; index < length; index++) {
    const at = headerOffsets[index] as number;
    if (at < last) sorted = false;
    last = at;
    order[index] = index;
  }
  const offsetOf = (index: number): number => headerOffsets[index] as number;
  return sorted ? order : order.sort((a, b) => offsetOf(a) - offsetOf(b));
}

/** Fills in `offsets` for the entries at `indexes`, which stand in file order. An offset that is there serves where its header is damaged. */
async function readOffsets(
  source: ByteSource,
  table: EntryTable,
  indexes: readonly number[],
  offsets: Float64Array,
  onFault: LocateOptions['onFault'],
): Promise<void> {
  const at = (rank: number): number => table.headerOffsets[indexes[rank] as number] as number;
  let first = 0;
  const readGroups = async (): Promise<void> => {
    while (first < indexes.length) {
      const from = first;
      const start = at(from);
      let to = from + 1;
      while (to < indexes.length && at(to) - at(to - 1) <= NEAR && at(to) - start <= LONGEST_READ) to++;
      first = to;
      const lastName = table.nameLengths[indexes[to - 1] as number] as number;
      const end = Math.min(source.size, at(to - 1) + LOCAL_HEADER_BYTES + lastName);
      const bytes = await source.read(start, end - start);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (const index of indexes.slice(from, to)) {
        const entry = table.entry(index);
        const place = entry.headerOffset - start;
        const damage = headerDamage(view, place, entry, source.size);
        if (damage && !offsets[index]) throw damage;
        if (!damage) offsets[index] = dataOffsetIn(view, place, entry);
        const fault = damage ? 'is damaged' : onFault && headerFault(view, place, entry);
        if (fault !== undefined) onFault?.(entry, fault);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, readGroups));
}
