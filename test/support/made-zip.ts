import { crc32 } from 'node:zlib';
import { checkpointPickle } from './pickle-stream.ts';

/** A record of an archive, with all that a hostile one may say of it. */
export interface MadeRecord {
  readonly name: string | Buffer;
  readonly content: Uint8Array;
  readonly flags?: number;
  readonly method?: number;
  /** Bytes of the content that stands inflated behind the header. */
  readonly size?: number;
  readonly crc32?: number;
  /** What the local header says instead. */
  readonly localName?: string;
  readonly localExtra?: Uint8Array;
  readonly directoryExtra?: Uint8Array;
  /** Unix mode with the type of the file. */
  readonly mode?: number;
  /** The record is in the file, and the directory does not list it. */
  readonly hidden?: boolean;
  /** The directory says that it stands where the record of this index stands. */
  readonly shares?: number;
}

export interface MadeOptions {
  readonly comment?: Uint8Array;
  readonly trailer?: Uint8Array;
  /** Number of the disk that the end record names. */
  readonly disk?: number;
  /** Between the records and the directory. */
  readonly gap?: Uint8Array;
  /** Offset of the archive in its file. */
  readonly start?: number;
}

/** The records of a small checkpoint of torch. */
export function checkpointRecords(pickle: Buffer = checkpointPickle(), folder = 'archive'): MadeRecord[] {
  return [
    { name: `${folder}/data.pkl`, content: pickle },
    { name: `${folder}/data/0`, content: Buffer.alloc(24, 1) },
    { name: `${folder}/version`, content: Buffer.from('3\n') },
  ];
}

/** An archive of these records, in their order. */
export function madeZip(records: readonly MadeRecord[], options: MadeOptions = {}): Buffer {
  const {
    comment = Buffer.alloc(0),
    trailer = Buffer.alloc(0),
    gap = Buffer.alloc(0),
    disk = 0,
    start = 0,
  } = options;
  const parts: Uint8Array[] = [];
  const entries: Buffer[] = [];
  const offsets: number[] = [];
  let at = start;
  for (const record of records) {
    const local = localHeader(record);
    if (record.shares === undefined) {
      offsets.push(at);
      parts.push(local, record.content);
      at += local.length + record.content.length;
    } else offsets.push(offsets[record.shares] as number);
    if (!record.hidden) entries.push(directoryEntry(record, offsets.at(-1) as number));
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(disk, 4);
  end.writeUInt16LE(disk, 6);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at + gap.length, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, gap, directory, end, comment, trailer]);
}

const nameBytes = (name: string | Buffer): Buffer => (typeof name === 'string' ? Buffer.from(name) : name);

function sizesOf(record: MadeRecord): { crc: number; stored: number; size: number } {
  const { content } = record;
  return { crc: record.crc32 ?? crc32(content), stored: content.length, size: record.size ?? content.length };
}

function localHeader(record: MadeRecord): Buffer {
  const { flags = 0, method = 0, localExtra = Buffer.alloc(0) } = record;
  const { crc, stored, size } = sizesOf(record);
  const name = nameBytes(record.localName ?? record.name);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(flags, 6);
  header.writeUInt16LE(method, 8);
  header.writeUInt32LE(crc, 14);
  header.writeUInt32LE(stored, 18);
  header.writeUInt32LE(size, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(localExtra.length, 28);
  return Buffer.concat([header, name, localExtra]);
}

function directoryEntry(record: MadeRecord, offset: number): Buffer {
  const { flags = 0, method = 0, mode = 0, directoryExtra = Buffer.alloc(0) } = record;
  const { crc, stored, size } = sizesOf(record);
  const name = nameBytes(record.name);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(method, 10);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(stored, 20);
  entry.writeUInt32LE(size, 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt16LE(directoryExtra.length, 30);
  entry.writeUInt16LE(mode, 40);
  entry.writeUInt32LE(offset, 42);
  return Buffer.concat([entry, name, directoryExtra]);
}
