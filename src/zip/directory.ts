import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { LongKeys } from '../io/long-keys.ts';
import {
  DIRECTORY_ENTRY,
  DIRECTORY_ENTRY_BYTES,
  LOCAL_HEADER_BYTES,
  METHOD_STORED,
  SENTINEL_16,
  SENTINEL_32,
  UNICODE_NAME_EXTRA,
  ZIP64_EXTRA,
} from './constants.ts';
import { type EndRecord, findEndRecord, readNear, readTail, readUInt64 } from './end-record.ts';

/** Room for three million records. It bounds memory on a file that is nothing but directory. */
const LONGEST_DIRECTORY = 256 * 2 ** 20;

/** A record as the directory describes it; the content's own place is found by `locateData`. */
export interface ZipEntry {
  /** With the root folder, as the archive spells it. */
  readonly name: string;
  /** Bytes of the name in the file. */
  readonly nameLength: number;
  readonly flags: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc32: number;
  /** Bytes that the content takes in the file. */
  readonly storedSize: number;
  /** Bytes of the content; the same as `storedSize` where it is stored. */
  readonly size: number;
  /** Offset of the local header. */
  readonly headerOffset: number;
}

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
  const entries: ZipEntry[] = [];
  const oddities: EntryOddity[] = [];
  const names = new LongKeys();
  let at = 0;
  for (let index = 0; index < end.entries; index++) {
    const fault = faultOf(view, at, end.disk);
    if (fault !== undefined) throw brokenEntry(index, end, at, fault);
    const entry = readEntry(bytes, view, at);
    if (entry === undefined) {
      throw brokenEntry(index, end, at, 'its zip64 numbers are missing', 'zip/zip32-sizes');
    }
    checkEntry(entry, end.directoryOffset + at, fileSize);
    names.add(entry.name.length, end.directoryOffset + at);
    entries.push(entry);
    // both are 0 in what torch writes
    if (
      !isAscii(view, at + DIRECTORY_ENTRY_BYTES, at + DIRECTORY_ENTRY_BYTES + entry.nameLength) ||
      view.getUint16(at + 40, true) >>> 12 !== 0 ||
      view.getUint16(at + 30, true) > 0
    )
      noteOddities(entry, bytes, view, at, oddities);
    at += entryLength(view, at);
  }
  return { entries, oddities, end, unusedBytes: bytes.length - at };
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

/** Undefined where a number stands in a zip64 field that isn't there. */
function readEntry(bytes: Buffer, view: DataView, at: number): ZipEntry | undefined {
  const nameLength = view.getUint16(at + 28, true);
  const nameStart = at + DIRECTORY_ENTRY_BYTES;
  const nameEnd = nameStart + nameLength;
  let storedSize = view.getUint32(at + 20, true);
  let size = view.getUint32(at + 24, true);
  let headerOffset = view.getUint32(at + 42, true);
  if (storedSize === SENTINEL_32 || size === SENTINEL_32 || headerOffset === SENTINEL_32) {
    // The field holds only the numbers that the entry has no room for, in this order.
    const wide = extraField(bytes, nameEnd, view.getUint16(at + 30, true), ZIP64_EXTRA);
    const needed = [size, storedSize, headerOffset].filter((value) => value === SENTINEL_32).length;
    if (wide.length < 8 * needed) return undefined;
    let field = 0;
    const next = (): number => readUInt64(wide, 8 * field++);
    if (size === SENTINEL_32) size = next();
    if (storedSize === SENTINEL_32) storedSize = next();
    if (headerOffset === SENTINEL_32) headerOffset = next();
  }
  return {
    name: decodeName(bytes, view, nameStart, nameEnd),
    nameLength,
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc32: view.getUint32(at + 16, true),
    storedSize,
    size,
    headerOffset,
  };
}

function checkEntry(entry: ZipEntry, offset: number, fileSize: number): void {
  const { name, method, size, storedSize, headerOffset } = entry;
  if (headerOffset + LOCAL_HEADER_BYTES + storedSize > fileSize) {
    throw new UnreadableError(
      'bad-archive',
      `record '${name}' of ${storedSize} bytes at offset ${headerOffset} passes the end of the file at ${fileSize}; ` +
        'copy or download the file again',
      offset,
      'zip/damaged',
    );
  }
  if (method === METHOD_STORED && size !== storedSize) {
    throw new UnreadableError(
      'bad-archive',
      `record '${name}' is stored as it is, but has ${size} bytes by one number and ${storedSize} by the other`,
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

/** Payload of the first extra field of a kind; empty where there is none. A field that passes the end ends the search. */
function extraField(bytes: Buffer, start: number, length: number, id: number): Buffer {
  const limit = start + length;
  let at = start;
  while (at + 4 <= limit) {
    const next = at + 4 + bytes.readUInt16LE(at + 2);
    if (next > limit) break;
    if (bytes.readUInt16LE(at) === id) return bytes.subarray(at + 4, next);
    at = next;
  }
  return bytes.subarray(limit, limit);
}

/** The bytes `[start, end)` of a directory or a local header as the name of a record; `view` is over the same bytes. */
export function decodeName(bytes: Buffer, view: DataView, start: number, end: number): string {
  return isAscii(view, start, end)
    ? bytes.toString('latin1', start, end)
    : decodeForeignName(bytes.subarray(start, end));
}

/** Four bytes at a step: of 100 000 names this is the only work per byte that runs in JavaScript. */
function isAscii(view: DataView, start: number, end: number): boolean {
  let seen = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) seen |= view.getUint32(at, true);
  for (; at < end; at++) seen |= view.getUint8(at);
  return (seen & 0x80808080) === 0;
}

/**
 * torch writes and reads names as raw bytes, so they are UTF-8 where they are valid UTF-8, whatever the flag says. What is
 * not keeps one character per byte, so that no two names of that kind become one.
 */
function decodeForeignName(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
