import { RefusedError } from '../io/errors.ts';
import { type Segment, segmentLength } from '../io/segment.ts';
import { DIRECTORY_ENTRY_BYTES, SENTINEL_16 } from './constants.ts';
import { END_RECORDS_BYTES } from './header-bytes.ts';
import {
  contentOffset,
  DEFAULT_ALIGNMENT,
  descriptorBytes,
  EXTRA_HEADER_BYTES,
  needsZip64,
  zip64Payload,
} from './placement.ts';

/** A record to be written. */
export interface OutputRecord {
  /** Without the root folder: `data.pkl`, `data/0`. */
  readonly name: string;
  /** What the content is made of, in order. */
  readonly content: readonly Segment[];
  /** Bytes of the content: the sum of its segments. */
  readonly size: number;
}

/** Entries of an older directory that the new one takes over, as they stand there. */
export interface KeptEntries {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** An archive as it will stand in the file, to the byte. All offsets are in bytes from the start of the file. */
export interface ArchiveLayout {
  readonly root: string;
  readonly alignment: number;
  /** Where the first byte goes: 0, or the end of the archive that this one grows from. */
  readonly start: number;
  /** Records that stand before `start`; the directory lists them behind the new ones. */
  readonly kept: KeptEntries;
  readonly records: readonly OutputRecord[];
  /** Offset of each record's local header. */
  readonly headerOffsets: Float64Array;
  /** Offset of each record's content. */
  readonly dataOffsets: Float64Array;
  readonly directoryOffset: number;
  readonly directorySize: number;
  /** Bytes of the whole file. */
  readonly size: number;
}

export interface LayoutOptions {
  /** Content starts at multiples of this many bytes; 64 when not given, which is torch's own default. */
  readonly alignment?: number;
  /** See `ArchiveLayout`; 0 and none when not given. */
  readonly start?: number;
  readonly kept?: KeptEntries;
}

const NONE_KEPT: KeptEntries = { bytes: new Uint8Array(), count: 0 };

/** The padding field's 16-bit length holds up to 65535 bytes; torch writes corrupt archives beyond that. */
const LARGEST_ALIGNMENT = 65536;

/**
 * Lays out an archive exactly as torch 2.13 would write these records. The numbers are those of its writer (miniz): all
 * records stored and padded to the alignment, a descriptor behind each that is not empty, zip64 where a number reaches
 * 2^32 - 1, and the zip64 end record always.
 *
 * @throws RefusedError for two records of one name, and for what the format can't hold.
 */
export function layoutArchive(
  root: string,
  records: readonly OutputRecord[],
  options: LayoutOptions = {},
): ArchiveLayout {
  const { alignment = DEFAULT_ALIGNMENT, start = 0, kept = NONE_KEPT } = options;
  if (!Number.isInteger(alignment) || alignment < 1 || alignment > LARGEST_ALIGNMENT) {
    throw new RefusedError(
      `alignment is ${alignment}, expected a whole number from 1 to ${LARGEST_ALIGNMENT}`,
    );
  }
  const headerOffsets = new Float64Array(records.length);
  const dataOffsets = new Float64Array(records.length);
  const names = new Set<string>();
  const rootLength = Buffer.byteLength(root) + 1;
  let cursor = start;
  let directorySize = kept.bytes.length;
  for (const [index, record] of records.entries()) {
    const { name, size } = record;
    const nameLength = rootLength + Buffer.byteLength(name);
    checkRecord(record, nameLength, names);
    headerOffsets[index] = cursor;
    const zip64 = zip64Payload(cursor, size);
    const data = contentOffset(cursor, nameLength, size, alignment);
    dataOffsets[index] = data;
    directorySize += DIRECTORY_ENTRY_BYTES + nameLength + (zip64 === 0 ? 0 : EXTRA_HEADER_BYTES + zip64);
    cursor = data + size + descriptorBytes(cursor, size);
  }
  if (needsZip64(directorySize)) {
    throw new RefusedError(
      `directory of ${records.length + kept.count} records would take ${directorySize} bytes; torch reads less than 2^32`,
    );
  }
  const size = cursor + directorySize + END_RECORDS_BYTES;
  return {
    root,
    alignment,
    start,
    kept,
    records,
    headerOffsets,
    dataOffsets,
    directoryOffset: cursor,
    directorySize,
    size,
  };
}

function checkRecord({ name, size, content }: OutputRecord, nameLength: number, names: Set<string>): void {
  if (nameLength > SENTINEL_16) {
    throw new RefusedError(
      `record name of ${nameLength} bytes is longer than the ${SENTINEL_16} that an archive holds`,
    );
  }
  if (names.has(name))
    throw new RefusedError(`two records would be named '${name}'; readers disagree about which one counts`);
  names.add(name);
  let sum = 0;
  for (const segment of content) sum += segmentLength(segment);
  if (sum !== size)
    throw new RangeError(`record '${name}' has ${sum} bytes of content, not the ${size} it is declared with`);
}
