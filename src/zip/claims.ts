import type { ByteSource } from '../io/byte-source.ts';
import { DESCRIPTOR, END_BYTES, FLAG_DESCRIPTOR, ZIP64_END_BYTES, ZIP64_LOCATOR_BYTES } from './constants.ts';
import type { ZipDirectory } from './directory.ts';
import type { ZipEntry } from './entry-table.ts';
import { fileOrder } from './locate-data.ts';

/** A made archive can have a gap behind each record; the first ones say all. */
const MOST_GAPS = 64;
/** Bytes of a gap that are looked at to see whether they are padding. */
const LONGEST_LOOK = 64 * 1024;
/** Lengths of a data descriptor: with and without signature, with 32 and with 64 bits. */
const DESCRIPTOR_LENGTHS = new Set([12, 16, 20, 24]);

/** Bytes `[start, end)` of the file. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Two records that take the same bytes of the file. */
export interface Overlap {
  readonly entry: ZipEntry;
  /** The one before it in the file; undefined where it is the directory that lies over `entry`. */
  readonly other: ZipEntry | undefined;
  readonly offset: number;
}

/** Which bytes of an archive belong to what its directory lists. */
export interface Claims {
  /** What no record, header or directory has a claim to, in the order of the file; padding of zeros is none. */
  readonly gaps: readonly Stretch[];
  /** Bytes behind the end record and its comment. */
  readonly trailer: Stretch | undefined;
  readonly overlaps: readonly Overlap[];
}

/**
 * Holds the places of all records against each other. In an archive that torch wrote each record ends where the next begins.
 *
 * @param offsets Where the content of each entry starts, in the order of the directory.
 * @param known Stretches that have an owner besides, in the order of the file.
 */
export async function claimBytes(
  source: ByteSource,
  directory: ZipDirectory,
  offsets: Float64Array,
  known: readonly Stretch[] = [],
): Promise<Claims> {
  const { end } = directory;
  const found = walk(directory, offsets);
  const { directoryOffset, directorySize, zip64Offset, offset, commentLength } = end;
  const directoryEnd = directoryOffset + directorySize;
  found.gaps.push({ start: directoryEnd, end: zip64Offset ?? offset });
  if (zip64Offset !== undefined) {
    found.gaps.push({ start: zip64Offset + ZIP64_END_BYTES, end: offset - ZIP64_LOCATOR_BYTES });
  }
  const gaps: Stretch[] = [];
  for (const gap of found.gaps.flatMap((each) => without(each, known))) {
    if (gaps.length >= MOST_GAPS) break;
    if (gap.start < gap.end && !(await isPadding(source, gap))) gaps.push(gap);
  }
  const trailer = { start: offset + END_BYTES + commentLength, end: source.size };
  return { gaps, trailer: trailer.start < trailer.end ? trailer : undefined, overlaps: found.overlaps };
}

function walk({ table, end }: ZipDirectory, offsets: Float64Array): { gaps: Stretch[]; overlaps: Overlap[] } {
  const { headerOffsets, storedSizes, flags } = table;
  const gaps: Stretch[] = [];
  const overlaps: Overlap[] = [];
  let reach = 0;
  /** Number of the entry that reaches there. */
  let last: number | undefined;
  const enter = (start: number, index: number | undefined): void => {
    const space = start - reach;
    if (space > 0) {
      const descriptor = last !== undefined && ((flags[last] as number) & FLAG_DESCRIPTOR) !== 0;
      if (!descriptor || !DESCRIPTOR_LENGTHS.has(space)) gaps.push({ start: reach, end: start });
    } else if (space < 0 && overlaps.length < MOST_GAPS) {
      const other = last === undefined ? undefined : table.entry(last);
      const entry = index === undefined ? (other as ZipEntry) : table.entry(index);
      overlaps.push({ entry, other: index === undefined ? undefined : other, offset: start });
    }
  };
  const order = fileOrder(table);
  for (let rank = 0; rank < order.length; rank++) {
    const index = order[rank] as number;
    enter(headerOffsets[index] as number, index);
    const finish = (offsets[index] as number) + (storedSizes[index] as number);
    if (finish > reach) {
      reach = finish;
      last = index;
    }
  }
  enter(end.directoryOffset, undefined);
  return { gaps, overlaps };
}

/** What is left of a stretch. */
function without(stretch: Stretch, known: readonly Stretch[]): Stretch[] {
  const left: Stretch[] = [];
  let { start } = stretch;
  for (const owned of known) {
    if (owned.end <= start || owned.start >= stretch.end) continue;
    if (owned.start > start) left.push({ start, end: owned.start });
    start = Math.max(start, owned.end);
  }
  if (start < stretch.end) left.push({ start, end: stretch.end });
  return left;
}

/** Zeros alone, behind a data descriptor or not. */
async function isPadding(source: ByteSource, { start, end }: Stretch): Promise<boolean> {
  const length = end - start;
  if (length > LONGEST_LOOK) return false;
  const bytes = await source.read(start, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const skipped = length >= 16 && view.getUint32(0, true) === DESCRIPTOR ? (length >= 24 ? 24 : 16) : 0;
  return bytes.subarray(skipped).every((byte) => byte === 0);
}
