import {
  DESCRIPTOR,
  DIRECTORY_ENTRY,
  DIRECTORY_ENTRY_BYTES,
  END,
  END_BYTES,
  FLAG_DESCRIPTOR,
  FLAG_UTF8,
  LOCAL_HEADER,
  LOCAL_HEADER_BYTES,
  SENTINEL_16,
  SENTINEL_32,
  ZIP64_END,
  ZIP64_END_BYTES,
  ZIP64_EXTRA,
  ZIP64_LOCATOR,
  ZIP64_LOCATOR_BYTES,
} from './constants.ts';
import { descriptorBytes, EXTRA_HEADER_BYTES, needsZip64, zip64Payload } from './placement.ts';

/*
 * The structures of an archive, byte for byte as torch 2.13 writes them: no dates, no versions, sizes and CRC only behind
 * the content and in the directory. Each function writes at `at` and returns the offset behind what it wrote.
 */

/** What the structures tell of a record. */
export interface RecordNumbers {
  /** With the root folder. */
  readonly name: string;
  readonly size: number;
  readonly headerOffset: number;
}

/** Id of the field by which torch pads: the letters FB. */
const PADDING_EXTRA = 0x4246;
const PADDING_BYTE = 0x5a;

/** Version numbers of the zip64 end record: made on unix by 3.0, and 4.5 is needed to read it. */
const MADE_BY = 0x031e;
const NEEDED = 0x002d;

function flagsOf(size: number): number {
  return size === 0 ? FLAG_UTF8 : FLAG_UTF8 | FLAG_DESCRIPTOR;
}

/** The local header with its padding, which ends where the content starts, at `dataOffset` of the archive. */
export function writeLocalHeader(
  into: Buffer,
  at: number,
  record: RecordNumbers,
  dataOffset: number,
): number {
  const { name, size, headerOffset } = record;
  const end = at + (dataOffset - headerOffset);
  into.fill(0, at, at + LOCAL_HEADER_BYTES);
  into.writeUInt32LE(LOCAL_HEADER, at);
  into.writeUInt16LE(flagsOf(size), at + 6);
  const nameLength = into.write(name, at + LOCAL_HEADER_BYTES);
  const extra = at + LOCAL_HEADER_BYTES + nameLength;
  into.writeUInt16LE(nameLength, at + 26);
  into.writeUInt16LE(end - extra, at + 28);
  // The stored size is not known to torch's writer yet, so it is 0 here.
  const padding = writeZip64Field(into, extra, record, 0);
  into.writeUInt16LE(PADDING_EXTRA, padding);
  into.writeUInt16LE(end - padding - EXTRA_HEADER_BYTES, padding + 2);
  into.fill(PADDING_BYTE, padding + EXTRA_HEADER_BYTES, end);
  return end;
}

/** The descriptor behind the content; nothing for an empty record. */
export function writeDescriptor(into: Buffer, at: number, record: RecordNumbers, crc32: number): number {
  const { size, headerOffset } = record;
  const length = descriptorBytes(headerOffset, size);
  if (length === 0) return at;
  into.writeUInt32LE(DESCRIPTOR, at);
  into.writeUInt32LE(crc32, at + 4);
  if (zip64Payload(headerOffset, size) > 0) {
    writeUInt64(into, at + 8, size);
    writeUInt64(into, at + 16, size);
  } else {
    into.writeUInt32LE(size, at + 8);
    into.writeUInt32LE(size, at + 12);
  }
  return at + length;
}

/** Bytes of a record's entry in the directory. */
export function directoryEntryBytes({ name, size, headerOffset }: RecordNumbers): number {
  const zip64 = zip64Payload(headerOffset, size);
  return DIRECTORY_ENTRY_BYTES + Buffer.byteLength(name) + (zip64 === 0 ? 0 : EXTRA_HEADER_BYTES + zip64);
}

export function writeDirectoryEntry(into: Buffer, at: number, record: RecordNumbers, crc32: number): number {
  const { name, size, headerOffset } = record;
  const narrow = Math.min(size, SENTINEL_32);
  into.fill(0, at, at + DIRECTORY_ENTRY_BYTES);
  into.writeUInt32LE(DIRECTORY_ENTRY, at);
  into.writeUInt16LE(flagsOf(size), at + 8);
  into.writeUInt32LE(crc32, at + 16);
  into.writeUInt32LE(narrow, at + 20);
  into.writeUInt32LE(narrow, at + 24);
  into.writeUInt32LE(Math.min(headerOffset, SENTINEL_32), at + 42);
  const nameLength = into.write(name, at + DIRECTORY_ENTRY_BYTES);
  into.writeUInt16LE(nameLength, at + 28);
  const extra = at + DIRECTORY_ENTRY_BYTES + nameLength;
  const end = writeZip64Field(into, extra, record, size);
  into.writeUInt16LE(end - extra, at + 30);
  return end;
}

/** The numbers of a whole directory. */
export interface DirectoryNumbers {
  readonly entries: number;
  readonly directoryOffset: number;
  readonly directorySize: number;
}

/** Bytes of the three end records together. */
export const END_RECORDS_BYTES = ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES + END_BYTES;

/** The zip64 end record, its locator and the end record, which follow right behind the directory. */
export function writeEndRecords(into: Buffer, at: number, numbers: DirectoryNumbers): number {
  const { entries, directoryOffset, directorySize } = numbers;
  into.fill(0, at, at + END_RECORDS_BYTES);
  into.writeUInt32LE(ZIP64_END, at);
  writeUInt64(into, at + 4, ZIP64_END_BYTES - 12);
  into.writeUInt16LE(MADE_BY, at + 12);
  into.writeUInt16LE(NEEDED, at + 14);
  writeUInt64(into, at + 24, entries);
  writeUInt64(into, at + 32, entries);
  writeUInt64(into, at + 40, directorySize);
  writeUInt64(into, at + 48, directoryOffset);
  const locator = at + ZIP64_END_BYTES;
  into.writeUInt32LE(ZIP64_LOCATOR, locator);
  writeUInt64(into, locator + 8, directoryOffset + directorySize);
  into.writeUInt32LE(1, locator + 16);
  const end = locator + ZIP64_LOCATOR_BYTES;
  into.writeUInt32LE(END, end);
  into.writeUInt16LE(Math.min(entries, SENTINEL_16), end + 8);
  into.writeUInt16LE(Math.min(entries, SENTINEL_16), end + 10);
  into.writeUInt32LE(Math.min(directorySize, SENTINEL_32), end + 12);
  into.writeUInt32LE(Math.min(directoryOffset, SENTINEL_32), end + 16);
  return end + END_BYTES;
}

function writeZip64Field(into: Buffer, at: number, record: RecordNumbers, storedSize: number): number {
  const { size, headerOffset } = record;
  const payload = zip64Payload(headerOffset, size);
  if (payload === 0) return at;
  into.writeUInt16LE(ZIP64_EXTRA, at);
  into.writeUInt16LE(payload, at + 2);
  let field = at + EXTRA_HEADER_BYTES;
  if (needsZip64(size)) {
    writeUInt64(into, field, size);
    writeUInt64(into, field + 8, storedSize);
    field += 16;
  }
  if (needsZip64(headerOffset)) {
    writeUInt64(into, field, headerOffset);
    field += 8;
  }
  return field;
}

function writeUInt64(into: Buffer, at: number, value: number): void {
  into.writeUInt32LE(value % 2 ** 32, at);
  into.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}
