import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import {
  DIRECTORY_ENTRY,
  DIRECTORY_ENTRY_BYTES,
  LOCAL_HEADER_BYTES,
  METHOD_STORED,
  SENTINEL_32,
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

export interface ZipDirectory {
  /** In the order of the directory. */
  readonly entries: readonly ZipEntry[];
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
  const entries: ZipEntry[] = [];
  const limit = bytes.length;
  let at = 0;
  for (let index = 0; index < end.entries; index++) {
    const offset = end.directoryOffset + at;
    if (at + DIRECTORY_ENTRY_BYTES > limit || readUInt32(bytes, at) !== DIRECTORY_ENTRY) {
      throw brokenEntry(
        index,
        end.entries,
        offset,
        at >= limit ? 'the directory ends before it' : 'no signature',
      );
    }
    const nameLength = readUInt16(bytes, at + 28);
    const extraLength = readUInt16(bytes, at + 30);
    const nameStart = at + DIRECTORY_ENTRY_BYTES;
    const next = nameStart + nameLength + extraLength + readUInt16(bytes, at + 32);
    if (next > limit) throw brokenEntry(index, end.entries, offset, 'it passes the end of the directory');
    const disk = readUInt16(bytes, at + 34);
    if (disk > 1 && disk !== 0xffff)
      throw brokenEntry(index, end.entries, offset, `it stands on disk ${disk}`);
    const name = decodeName(bytes, nameStart, nameStart + nameLength);
    let storedSize = readUInt32(bytes, at + 20);
    let size = readUInt32(bytes, at + 24);
    let headerOffset = readUInt32(bytes, at + 42);
    if (storedSize === SENTINEL_32 || size === SENTINEL_32 || headerOffset === SENTINEL_32) {
      const extra = findExtra(bytes, nameStart + nameLength, extraLength, ZIP64_EXTRA);
      let field = extra.start;
      const take = (value: number): number => {
        if (value !== SENTINEL_32) return value;
        if (field + 8 > extra.end) {
          throw brokenEntry(index, end.entries, offset, `the zip64 numbers of '${name}' are missing`);
        }
        field += 8;
        return readUInt64(bytes, field - 8);
      };
      size = take(size);
      storedSize = take(storedSize);
      headerOffset = take(headerOffset);
    }
    const method = readUInt16(bytes, at + 10);
    if (headerOffset + LOCAL_HEADER_BYTES + storedSize > fileSize) {
      throw new UnreadableError(
        'bad-archive',
        `record '${name}' of ${storedSize} bytes at offset ${headerOffset} passes the end of the file at ${fileSize}; ` +
          'copy or download the file again',
        offset,
      );
    }
    if (method === METHOD_STORED && size !== storedSize) {
      throw new UnreadableError(
        'bad-archive',
        `record '${name}' is stored as it is, but has ${size} bytes by one number and ${storedSize} by the other`,
        offset,
      );
    }
    entries.push({
      name,
      nameLength,
      flags: readUInt16(bytes, at + 8),
      method,
      crc32: readUInt32(bytes, at + 16),
      storedSize,
      size,
      headerOffset,
    });
    at = next;
  }
  return { entries, end, unusedBytes: limit - at };
}

function brokenEntry(index: number, count: number, offset: number, why: string): UnreadableError {
  return new UnreadableError(
    'bad-archive',
    `zip directory entry ${index + 1} of ${count} at offset ${offset} is damaged: ${why}; copy or download the file again`,
    offset,
  );
}

/** Payload of the first extra field with an id; empty where there is none. A field that passes the end ends the search. */
function findExtra(bytes: Buffer, start: number, length: number, id: number): { start: number; end: number } {
  const limit = start + length;
  let at = start;
  while (at + 4 <= limit) {
    const next = at + 4 + readUInt16(bytes, at + 2);
    if (next > limit) break;
    if (readUInt16(bytes, at) === id) return { start: at + 4, end: next };
    at = next;
  }
  return { start: limit, end: limit };
}

/**
 * torch writes and reads names as raw bytes, in practice ASCII, so that is the fast way. Others are UTF-8 where they are
 * valid UTF-8, whatever the flag says; what is not keeps one character per byte, so that no two names become one.
 */
function decodeName(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at++) {
    if ((bytes[at] as number) >= 0x80) return decodeForeignName(bytes, start, end);
  }
  return bytes.toString('latin1', start, end);
}

function decodeForeignName(bytes: Buffer, start: number, end: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, end));
  } catch {
    return bytes.toString('latin1', start, end);
  }
}

// Buffer's own readers check bounds and types on each call; the loop has done that once per entry, and 100 000 entries
// are a million calls.
function readUInt16(bytes: Buffer, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function readUInt32(bytes: Buffer, at: number): number {
  return (readUInt16(bytes, at) | (readUInt16(bytes, at + 2) << 16)) >>> 0;
}
