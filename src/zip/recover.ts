import { type ByteSource, checkRange } from '../io/byte-source.ts';
import {
  DESCRIPTOR,
  DESCRIPTOR_BYTES,
  DIRECTORY_ENTRY,
  FLAG_DESCRIPTOR,
  LOCAL_HEADER,
  LOCAL_HEADER_BYTES,
  METHOD_STORED,
  SENTINEL_32,
  ZIP64_DESCRIPTOR_BYTES,
  ZIP64_EXTRA,
} from './constants.ts';
import type { ZipEntry } from './entry-table.ts';
import { decodeName } from './record-name.ts';

/** Small records follow each other closely, so that one read serves several. */
const READ_AHEAD = 64 * 1024;
/** Bytes that are searched at a time for the end of a record of which no size is known. */
const SEARCH = 1024 * 1024;

/** What is known of a record before its end is looked for. */
export interface FoundHeader {
  readonly name: string;
  readonly method: number;
  /** Offset of the content's first byte. */
  readonly dataOffset: number;
}

/** The records that local headers alone tell of. */
export interface RecoveredRecords {
  /** The last one may be cut: its `storedSize` is what is there of it. */
  readonly entries: readonly ZipEntry[];
  /** Of the contents. */
  readonly offsets: Float64Array;
  /** The file ends within the last record. */
  readonly isCut: boolean;
}

/**
 * Finds the records of an archive without its directory: from the first local header on, each record leads to the next. What torch
 * writes has its sizes behind the content, not in the header, so the content's length has to be known from elsewhere, or is looked for:
 * a descriptor that states the very distance from the start of the content. The walk ends where no local header stands.
 *
 * @param sizeOf Bytes of a stored record's content, where something in the archive tells them; it may read records that were found.
 * @throws what the source throws.
 */
export async function recoverRecords(
  source: ByteSource,
  sizeOf: (header: FoundHeader) => Promise<number | undefined>,
): Promise<RecoveredRecords> {
  const bytes = new ReadAhead(source);
  const entries: ZipEntry[] = [];
  const offsets: number[] = [];
  let at = 0;
  for (;;) {
    const header = await headerAt(bytes, at);
    if (!header) return { entries, offsets: Float64Array.from(offsets), isCut: false };
    const end = await endOf(bytes, header, sizeOf);
    offsets.push(header.dataOffset);
    const { name, nameLength, flags, method } = header;
    const fixed = { name, nameLength, flags, method, headerOffset: at };
    if (!end) {
      const there = source.size - header.dataOffset;
      entries.push({ ...fixed, crc32: 0, storedSize: there, size: there });
      return { entries, offsets: Float64Array.from(offsets), isCut: true };
    }
    entries.push({ ...fixed, crc32: end.crc32, storedSize: end.storedSize, size: end.size });
    at = end.next;
  }
}

/** The record that an archive begins with, by its local header; undefined where there is none. */
export function firstRecord(source: ByteSource): Promise<FoundHeader | undefined> {
  return headerAt(new ReadAhead(source), 0);
}

interface Header extends FoundHeader {
  readonly nameLength: number;
  readonly flags: number;
  readonly crc32: number;
  readonly storedSize: number;
  readonly size: number;
  /** The descriptor has sizes of 64 bits. */
  readonly isWide: boolean;
}

async function headerAt(bytes: ReadAhead, at: number): Promise<Header | undefined> {
  const fixed = await bytes.at(at, LOCAL_HEADER_BYTES);
  if (!fixed || fixed.readUInt32LE(0) !== LOCAL_HEADER) return undefined;
  const nameLength = fixed.readUInt16LE(26);
  const extraLength = fixed.readUInt16LE(28);
  const numbers = {
    flags: fixed.readUInt16LE(6),
    method: fixed.readUInt16LE(8),
    crc32: fixed.readUInt32LE(14),
    storedSize: fixed.readUInt32LE(18),
    size: fixed.readUInt32LE(22),
  };
  const rest = await bytes.at(at + LOCAL_HEADER_BYTES, nameLength + extraLength);
  if (!rest) return undefined;
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  const wide = wideSizes(rest.subarray(nameLength));
  return {
    ...numbers,
    name: decodeName(rest, view, 0, nameLength),
    nameLength,
    dataOffset: at + LOCAL_HEADER_BYTES + nameLength + extraLength,
    isWide: wide !== undefined,
    size: numbers.size === SENTINEL_32 && wide ? wide.size : numbers.size,
    storedSize: numbers.storedSize === SENTINEL_32 && wide ? wide.storedSize : numbers.storedSize,
  };
}

/** What a zip64 field says; undefined where there is none. */
function wideSizes(extra: Buffer): { size: number; storedSize: number } | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === ZIP64_EXTRA) {
      const sizeAt = (offset: number) =>
        offset + 8 <= Math.min(extra.length, at + 4 + length) ? Number(extra.readBigUInt64LE(offset)) : 0;
      return { size: sizeAt(at + 4), storedSize: sizeAt(at + 12) };
    }
    at += 4 + length;
  }
  return undefined;
}

/** Where a record ends and the next begins, and what stands behind its content. */
interface RecordEnd {
  readonly crc32: number;
  readonly storedSize: number;
  readonly size: number;
  readonly next: number;
}

async function endOf(
  bytes: ReadAhead,
  header: Header,
  sizeOf: (header: FoundHeader) => Promise<number | undefined>,
): Promise<RecordEnd | undefined> {
  const { flags, dataOffset, crc32, storedSize, size } = header;
  if ((flags & FLAG_DESCRIPTOR) === 0) {
    const next = dataOffset + storedSize;
    return next <= bytes.size ? { crc32, storedSize, size, next } : undefined;
  }
  const known = header.method === METHOD_STORED ? await sizeOf(header) : undefined;
  if (known !== undefined) {
    const end = await descriptorAt(bytes, header, dataOffset + known);
    if (end) return end;
    // the last bytes of a file that is cut behind the content are no loss
    if (dataOffset + known <= bytes.size && dataOffset + known + DESCRIPTOR_BYTES > bytes.size)
      return { crc32: 0, storedSize: known, size: known, next: bytes.size };
    // to look through the rest of what may be gigabytes would only confirm it
    if (dataOffset + known > bytes.size) return undefined;
  }
  return searchDescriptor(bytes, header);
}

/** The descriptor that stands at `at`, if it states that the content has just these bytes. */
async function descriptorAt(bytes: ReadAhead, header: Header, at: number): Promise<RecordEnd | undefined> {
  const length = header.isWide ? ZIP64_DESCRIPTOR_BYTES : DESCRIPTOR_BYTES;
  const found = await bytes.at(at, length);
  if (!found || found.readUInt32LE(0) !== DESCRIPTOR) return undefined;
  const sizeAt = (wide: number, narrow: number) =>
    header.isWide ? Number(found.readBigUInt64LE(wide)) : found.readUInt32LE(narrow);
  const storedSize = sizeAt(8, 8);
  const size = sizeAt(16, 12);
  if (storedSize !== at - header.dataOffset) return undefined;
  if (header.method === METHOD_STORED && size !== storedSize) return undefined;
  return { crc32: found.readUInt32LE(4), storedSize, size, next: at + length };
}

/** What may follow a record, or the end of the file within it: bytes of a content are less likely to look like both. */
async function isFollowed(bytes: ReadAhead, at: number): Promise<boolean> {
  const next = await bytes.at(at, 4);
  return !next || [LOCAL_HEADER, DIRECTORY_ENTRY].includes(next.readUInt32LE(0));
}

async function searchDescriptor(bytes: ReadAhead, header: Header): Promise<RecordEnd | undefined> {
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(DESCRIPTOR);
  for (let at = header.dataOffset; at < bytes.size; at += SEARCH) {
    // a signature may lie across the border
    const piece = await bytes.fresh(at, Math.min(SEARCH + signature.length - 1, bytes.size - at));
    // a record without content has no descriptor in what torch writes
    const first = at === header.dataOffset ? 1 : 0;
    for (let hit = piece.indexOf(signature, first); hit >= 0; hit = piece.indexOf(signature, hit + 1)) {
      const end = await descriptorAt(bytes, header, at + hit);
      if (end && (await isFollowed(bytes, end.next))) return end;
    }
  }
  return undefined;
}

/** Reads of a few bytes each that mostly follow each other. */
class ReadAhead {
  readonly size: number;
  readonly #source: ByteSource;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(source: ByteSource) {
    this.#source = source;
    this.size = source.size;
  }

  /** Undefined where the file ends before. */
  async at(offset: number, length: number): Promise<Buffer | undefined> {
    if (offset + length > this.size) return undefined;
    const begin = offset - this.#start;
    if (begin < 0 || begin + length > this.#bytes.length) {
      this.#bytes = await this.fresh(offset, Math.min(Math.max(length, READ_AHEAD), this.size - offset));
      this.#start = offset;
      return this.#bytes.subarray(0, length);
    }
    return this.#bytes.subarray(begin, begin + length);
  }

  async fresh(offset: number, length: number): Promise<Buffer> {
    checkRange(this.size, offset, length);
    const bytes = await this.#source.read(offset, length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
