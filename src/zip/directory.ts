import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { LongKeys } from '../io/long-keys.ts';
import {
  DIRECTORY_ENTRY,
  DIRECTORY_ENTRY_BYTES,
  LOCAL_HEADER_BYTES,
  METHOD_STORED,
  SENTINEL_16,
  UNICODE_NAME_EXTRA,
} from './constants.ts';
import { type EndRecord, findEndRecord, readNear, readTail } from './end-record.ts';
import { EntryTable, type ZipEntry } from './entry-table.ts';
import { extraField } from './extra-field.ts';
import { decodeForeignName } from './record-name.ts';

/** Room for three million records. It bounds memory on a file that is nothing but directory. */
const LONGEST_DIRECTORY = 256 * 2 ** 20;

/** What an entry says of its record besides, and no writer of checkpoints has it say. */
export interface EntryOddity {
  readonly entry: ZipEntry;
  /**
   * `mode`: the record is a link or a device. `unicode-name`: a field gives it another name than the entry. `not-utf8`: the bytes of
   * its name are no UTF-8.
   */
  readonly kind: 'mode' | 'unicode-name' | 'not-utf8';
  /** As the end of a sentence: `is a symbolic link`. */
  readonly what: string;
}

export interface ZipDirectory {
  /** In the order of the directory. */
  readonly table: EntryTable;
  /** The same as objects, which are made when they are asked for. */
  readonly entries: readonly ZipEntry[];
  readonly oddities: readonly EntryOddity[];
  readonly end: EndRecord;
  /** Bytes of the directory behind its last entry; 0 in any honest archive. */
  readonly unusedBytes: number;
}

/**
 * Reads an archive's directory: one read for the tail of the file, one for a directory that the tail doesn't hold.
 * Every size and offset of an entry was checked against the file.
 *
 * @throws UnreadableError `truncated` where the end is missing, `bad-archive` where the directory contradicts itself
 * or the file, `limit` where it is beyond all reason.
 */
export async function readDirectory(source: ByteSource): Promise<ZipDirectory> {
  const tail = await readTail(source);
  const end = await findEndRecord(source, tail);
  if (end.directorySize > LONGEST_DIRECTORY) {
    throw new UnreadableError(
      'limit',
      `zip directory has ${end.directorySize} bytes, more than the ${LONGEST_DIRECTORY} that are read`,
      end.directoryOffset,
    );
  }
  const bytes = await readNear(source, tail, end.directoryOffset, end.directorySize);
  return parseDirectory(bytes, end, source.size);
}

function parseDirectory(bytes: Buffer, end: EndRecord, fileSize: number): ZipDirectory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = new EntryTable(bytes, end.entries);
  const oddities: EntryOddity[] = [];
  const names = new LongKeys();
  let at = 0;
  for (let index = 0; index < end.entries; index++) {
    const fault = faultOf(view, at, end.disk);
    if (fault !== undefined) throw brokenEntry(index, end, at, fault);
    if (!table.read(index, at)) {
      throw brokenEntry(index, end, at, 'its zip64 numbers are missing', 'zip/zip32-sizes');
    }
    checkEntry(table, index, end.directoryOffset + at, fileSize);
    names.add(table.nameSize(index), end.directoryOffset + at);
    // both are 0 in what torch writes
    if (
      table.isForeign(index) ||
      view.getUint16(at + 40, true) >>> 12 !== 0 ||
      view.getUint16(at + 30, true) > 0
    )
      noteOddities(table.entry(index), bytes, view, at, oddities);
    at += entryLength(view, at);
  }
  return directoryOf(table, oddities, end, bytes.length - at);
}

/** A directory of the entries of a table. */
export function directoryOf(
  table: EntryTable,
  oddities: readonly EntryOddity[],
  end: EndRecord,
  unusedBytes: number,
): ZipDirectory {
  return {
    table,
    get entries() {
      return table.entries;
    },
    oddities,
    end,
    unusedBytes,
  };
}

/** Bytes of the entry at `at`, with its name, extra fields and comment. */
function entryLength(view: DataView, at: number): number {
  return (
    DIRECTORY_ENTRY_BYTES +
    view.getUint16(at + 28, true) +
    view.getUint16(at + 30, true) +
    view.getUint16(at + 32, true)
  );
}

/** File types in the upper bits of a mode as Unix has it, but for files and folders. */
const SPECIAL_TYPES: Readonly<Record<number, string>> = {
  1: 'a named pipe',
  2: 'a device',
  6: 'a device',
  10: 'a symbolic link',
  12: 'a socket',
};

function noteOddities(
  entry: ZipEntry,
  bytes: Buffer,
  view: DataView,
  at: number,
  oddities: EntryOddity[],
): void {
  // every byte of such a name became a character
  if (Buffer.byteLength(entry.name) !== entry.nameLength)
    oddities.push({ entry, kind: 'not-utf8', what: 'is not UTF-8' });
  const type = SPECIAL_TYPES[view.getUint16(at + 40, true) >>> 12];
  if (type !== undefined) oddities.push({ entry, kind: 'mode', what: `is ${type}` });
  const start = at + DIRECTORY_ENTRY_BYTES + entry.nameLength;
  const unicode = extraField(bytes, start, view.getUint16(at + 30, true), UNICODE_NAME_EXTRA);
  // a version byte and a CRC-32 stand in front of the name
  const name = decodeForeignName(unicode.subarray(5));
  if (unicode.length > 5 && name !== entry.name)
    oddities.push({ entry, kind: 'unicode-name', what: `is called '${name}' by its Unicode name field` });
}

/** What is wrong with the shape of the entry at `at`; after this its fields can be read. */
function faultOf(view: DataView, at: number, archiveDisk: number): string | undefined {
  if (at + DIRECTORY_ENTRY_BYTES > view.byteLength) return 'the directory ends before it';
  if (view.getUint32(at, true) !== DIRECTORY_ENTRY) return 'its signature is missing';
  if (at + entryLength(view, at) > view.byteLength) return 'it passes the end of the directory';
  const disk = view.getUint16(at + 34, true);
  // Some writers count disks from 1, and torch takes 1 wherever the archive stands. The sentinel says that the zip64 field tells,
  // which no reader looks up.
  if (disk !== archiveDisk && disk !== 1 && disk !== SENTINEL_16) return `it stands on disk ${disk} of a set`;
  return undefined;
}

function checkEntry(table: EntryTable, index: number, offset: number, fileSize: number): void {
  const storedSize = table.storedSizes[index] as number;
  const headerOffset = table.headerOffsets[index] as number;
  if (headerOffset + LOCAL_HEADER_BYTES + storedSize > fileSize) {
    throw new UnreadableError(
      'bad-archive',
      `record '${table.name(index)}' of ${storedSize} bytes at offset ${headerOffset} passes the end of the file at ${fileSize}; ` +
        'copy or download the file again',
      offset,
      'zip/damaged',
    );
  }
  const size = table.sizes[index] as number;
  if (table.methods[index] === METHOD_STORED && size !== storedSize) {
    throw new UnreadableError(
      'bad-archive',
      `record '${table.name(index)}' is stored as it is, but has ${size} bytes by one number and ${storedSize} by the other`,
      offset,
      'zip/damaged',
    );
  }
}

function brokenEntry(
  index: number,
  end: EndRecord,
  at: number,
  why: string,
  rule = 'zip/damaged',
): UnreadableError {
  const offset = end.directoryOffset + at;
  return new UnreadableError(
    'bad-archive',
    `zip directory entry ${index + 1} of ${end.entries} at offset ${offset} is damaged: ${why}; ` +
      'copy or download the file again',
    offset,
    rule,
  );
}
