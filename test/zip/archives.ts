import { MemorySource } from '../../src/io/byte-source.ts';
import type { Segment } from '../../src/io/segment.ts';
import { layoutArchive, type OutputRecord } from '../../src/zip/layout.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { MemorySink } from './memory-sink.ts';

/** A record of one segment. */
export function record(name: string, content: Segment): OutputRecord {
  return { name, content: [content], size: content.length };
}

/** The bytes of an archive that our own writer makes. */
export async function archiveOf(
  root: string,
  records: readonly OutputRecord[],
  alignment = 64,
): Promise<Buffer> {
  const layout = layoutArchive(root, records, { alignment });
  const sink = new MemorySink(layout.size);
  await writeArchive(layout, sink);
  return sink.bytes;
}

/** A source that counts its reads. */
export class CountingSource extends MemorySource {
  reads = 0;

  override read(offset: number, length: number): Promise<Uint8Array> {
    this.reads++;
    return super.read(offset, length);
  }
}

interface ForeignRecord {
  readonly name: string;
  readonly stored: Uint8Array;
  readonly size?: number;
  readonly method?: number;
  readonly flags?: number;
  readonly localExtra?: Uint8Array;
  readonly directoryExtra?: Uint8Array;
}

export interface ForeignOptions {
  /** Bytes after the end record. */
  readonly trailer?: Uint8Array;
}

/** An archive as Info-ZIP makes it: sizes in the local headers, no padding, no zip64. */
export function foreignArchive(records: readonly ForeignRecord[], options: ForeignOptions = {}): Buffer {
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const { name, stored, size = stored.length, method = 0, flags = 0, ...extras } of records) {
    const nameBytes = Buffer.from(name, 'latin1');
    const { localExtra = new Uint8Array(), directoryExtra = new Uint8Array() } = extras;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(flags, 6);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(stored.length, 18);
    local.writeUInt32LE(size, 22);
    local.writeUInt16LE(nameBytes.length, 26);
    local.writeUInt16LE(localExtra.length, 28);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(flags, 8);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(stored.length, 20);
    entry.writeUInt32LE(size, 24);
    entry.writeUInt16LE(nameBytes.length, 28);
    entry.writeUInt16LE(directoryExtra.length, 30);
    entry.writeUInt32LE(at, 42);
    entries.push(entry, nameBytes, Buffer.from(directoryExtra));
    const whole = Buffer.concat([local, nameBytes, localExtra, stored]);
    parts.push(whole);
    at += whole.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(records.length, 8);
  end.writeUInt16LE(records.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end, options.trailer ?? new Uint8Array()]);
}
