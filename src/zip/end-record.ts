import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import {
  DIRECTORY_ENTRY_BYTES,
  END_BYTES,
  LOCAL_HEADER,
  ZIP64_END,
  ZIP64_END_BYTES,
  ZIP64_LOCATOR,
  ZIP64_LOCATOR_BYTES,
} from './constants.ts';

/** Bytes after the end record that torch (miniz) still bridges when it searches backwards; one more and it gives up. */
const LONGEST_TRAILER = 69_562;

/** Enough for every end record that torch finds, and for the whole directory of a model with a thousand tensors. */
const TAIL_BYTES = 128 * 1024;

const END_SIGNATURE = Buffer.of(0x50, 0x4b, 0x05, 0x06);

/** Where the directory stands, as the end records tell; all of it checked against the file. */
export interface EndRecord {
  readonly entries: number;
  readonly directoryOffset: number;
  readonly directorySize: number;
  /** Offset of the end record itself. */
  readonly offset: number;
  /** Offset of the zip64 end record whose numbers were used; undefined where there is none. */
  readonly zip64Offset: number | undefined;
  /** Number of this disk; 0, or 1 where a writer counts from 1. */
  readonly disk: number;
  /** Bytes of the comment that the end record declares; what lies behind that belongs to nothing. */
  readonly commentLength: number;
  /** Offsets of other end records that readers who search in another way would take; none in an honest archive. */
  readonly rivals: readonly number[];
}

/** The last bytes of the file, read once. */
export interface Tail {
  readonly offset: number;
  readonly bytes: Buffer;
}

export async function readTail(source: ByteSource): Promise<Tail> {
  const length = Math.min(source.size, TAIL_BYTES);
  const offset = source.size - length;
  return { offset, bytes: asBuffer(await source.read(offset, length)) };
}

/** `length` bytes from `offset`, out of the tail where it holds them. */
export async function readNear(
  source: ByteSource,
  tail: Tail,
  offset: number,
  length: number,
): Promise<Buffer> {
  if (offset >= tail.offset) return tail.bytes.subarray(offset - tail.offset, offset - tail.offset + length);
  return asBuffer(await source.read(offset, length));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Finds the end record as torch's reader does: the last signature with a whole record after it wins, whatever its
 * comment length says; a zip64 record that the locator right before it names wins over its numbers.
 *
 * @throws UnreadableError `truncated` where there is no end record, `bad-archive` where its numbers can't be.
 */
export async function findEndRecord(source: ByteSource, tail: Tail): Promise<EndRecord> {
  const at = lastSignature(tail.bytes, source.size);
  if (at < 0) throw await missingEnd(source);
  const offset = tail.offset + at;
  const zip64 = await readZip64End(source, tail, offset);
  const plain = readEnd(tail.bytes, at, offset);
  const end = zip64 ?? plain;
  checkEnd(end, source.size, offset);
  return {
    entries: end.entries,
    directoryOffset: end.directoryOffset,
    directorySize: end.directorySize,
    offset,
    zip64Offset: zip64?.offset,
    disk: end.disk,
    commentLength: tail.bytes.readUInt16LE(at + 20),
    rivals: [
      ...rivalEnds(tail, at, source.size),
      ...(await rivalZip64Ends(source, tail, offset, zip64?.offset)),
    ],
  };
}

/**
 * End records in front of the one that torch takes whose comment reaches the end of the file exactly. Readers that search forwards, or
 * that hold a comment against the file, take such a one, and list another directory.
 */
function rivalEnds({ bytes, offset }: Tail, taken: number, size: number): number[] {
  const found: number[] = [];
  let at = taken > 0 ? bytes.lastIndexOf(END_SIGNATURE, taken - 1) : -1;
  while (at >= 0) {
    const { entries, directorySize, directoryOffset } = readEnd(bytes, at, offset + at);
    const fits =
      offset + at + END_BYTES + bytes.readUInt16LE(at + 20) === size &&
      directoryOffset + directorySize <= offset + at &&
      entries * DIRECTORY_ENTRY_BYTES <= directorySize;
    if (fits) found.push(offset + at);
    at = at > 0 ? bytes.lastIndexOf(END_SIGNATURE, at - 1) : -1;
  }
  return found;
}

/** A zip64 end record right before the locator, where the locator names another one: some readers never look at the locator. */
async function rivalZip64Ends(
  source: ByteSource,
  tail: Tail,
  end: number,
  taken: number | undefined,
): Promise<number[]> {
  const adjacent = end - ZIP64_LOCATOR_BYTES - ZIP64_END_BYTES;
  if (taken === undefined || taken === adjacent || adjacent < 0) return [];
  const bytes = await readNear(source, tail, adjacent, ZIP64_END_BYTES);
  return bytes.readUInt32LE(0) === ZIP64_END ? [adjacent] : [];
}

function lastSignature(bytes: Buffer, size: number): number {
  if (bytes.length < END_BYTES) return -1;
  const first = Math.max(0, bytes.length - END_BYTES - LONGEST_TRAILER);
  const at = bytes.lastIndexOf(END_SIGNATURE, Math.min(bytes.length, size) - END_BYTES);
  return at >= first ? at : -1;
}

async function missingEnd(source: ByteSource): Promise<UnreadableError> {
  const head = source.size >= 4 ? asBuffer(await source.read(0, 4)).readUInt32LE(0) : 0;
  if (head === LOCAL_HEADER) {
    return new UnreadableError(
      'truncated',
      `zip archive of ${source.size} bytes is cut short: it starts like one, but the directory at its end is missing; ` +
        'copy or download the file again',
      source.size,
      'zip/truncated',
    );
  }
  return new UnreadableError(
    'bad-archive',
    'no zip directory found at the end of the file',
    source.size,
    'zip/damaged',
  );
}

interface EndNumbers {
  readonly entries: number;
  readonly entriesOnDisk: number;
  readonly disk: number;
  readonly directoryDisk: number;
  readonly directorySize: number;
  readonly directoryOffset: number;
  readonly offset: number;
}

function readEnd(bytes: Buffer, at: number, offset: number): EndNumbers {
  return {
    disk: bytes.readUInt16LE(at + 4),
    directoryDisk: bytes.readUInt16LE(at + 6),
    entriesOnDisk: bytes.readUInt16LE(at + 8),
    entries: bytes.readUInt16LE(at + 10),
    directorySize: bytes.readUInt32LE(at + 12),
    directoryOffset: bytes.readUInt32LE(at + 16),
    offset,
  };
}

/** The zip64 end record that the locator in front of the end record names; undefined where there is none. */
async function readZip64End(source: ByteSource, tail: Tail, end: number): Promise<EndNumbers | undefined> {
  const locator = end - ZIP64_LOCATOR_BYTES;
  if (locator < ZIP64_END_BYTES) return undefined;
  const found = await readNear(source, tail, locator, ZIP64_LOCATOR_BYTES);
  if (found.readUInt32LE(0) !== ZIP64_LOCATOR) return undefined;
  const offset = readUInt64(found, 8);
  if (!(offset <= source.size - ZIP64_END_BYTES)) {
    throw new UnreadableError(
      'bad-archive',
      `zip64 locator at offset ${locator} points to ${offset}, past the end of the file at ${source.size}; ` +
        'copy or download the file again',
      locator,
      'zip/damaged',
    );
  }
  const bytes = await readNear(source, tail, offset, ZIP64_END_BYTES);
  if (bytes.readUInt32LE(0) !== ZIP64_END) return undefined;
  const length = readUInt64(bytes, 4);
  if (!(length >= ZIP64_END_BYTES - 12)) {
    throw new UnreadableError(
      'bad-archive',
      `zip64 end record at offset ${offset} declares a length of ${length}, expected at least ${ZIP64_END_BYTES - 12}`,
      offset,
      'zip/damaged',
    );
  }
  return {
    disk: bytes.readUInt32LE(16),
    directoryDisk: bytes.readUInt32LE(20),
    entriesOnDisk: readUInt64(bytes, 24),
    entries: readUInt64(bytes, 32),
    directorySize: readUInt64(bytes, 40),
    directoryOffset: readUInt64(bytes, 48),
    offset,
  };
}

/** A 64-bit number; beyond 2^53 it is inexact, and then past the end of any file, which is what it is checked against. */
export function readUInt64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}

function checkEnd(end: EndNumbers, size: number, offset: number): void {
  const bad = (message: string): UnreadableError =>
    new UnreadableError('bad-archive', message, offset, 'zip/damaged');
  // Some writers count disks from 1; torch takes both.
  const oneDisk = end.disk === end.directoryDisk && end.disk <= 1 && end.entries === end.entriesOnDisk;
  if (!oneDisk) {
    throw bad(`zip archive is a part of a set of several (disk ${end.disk}); join the parts to one file`);
  }
  if (end.directoryOffset + end.directorySize > size) {
    throw bad(
      `zip directory of ${end.directorySize} bytes at offset ${end.directoryOffset} passes the end of the file at ` +
        `${size}; copy or download the file again`,
    );
  }
  if (end.entries * DIRECTORY_ENTRY_BYTES > end.directorySize) {
    throw bad(
      `zip end record declares ${end.entries} entries, but the directory has ${end.directorySize} bytes, ` +
        `room for at most ${Math.floor(end.directorySize / DIRECTORY_ENTRY_BYTES)}`,
    );
  }
}
