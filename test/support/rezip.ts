import { readFileSync } from 'node:fs';
import JSZip from 'jszip';
import { Archive } from '../../src/formats/archive.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { readSegment } from '../../src/io/segment.ts';

/** Whole names and contents of the records of an archive. */
export type Records = Map<string, Uint8Array | string>;

/** The records of a zip archive, in order. jszip can't read those that torch writes. */
export async function recordsOf(path: string): Promise<Records> {
  const archive = await Archive.open(new MemorySource(readFileSync(path)));
  const root = archive.rootedAt('');
  const records: Records = new Map();
  for (const { name } of archive.entries) {
    const content = root.content(name);
    if (content) records.set(name, await readSegment(content, 2 ** 30));
  }
  return records;
}

/** An archive of these records, zipped by jszip. */
export async function zipped(records: Records): Promise<MemorySource> {
  const archive = new JSZip();
  for (const [name, content] of records) archive.file(name, content);
  return new MemorySource(await archive.generateAsync({ type: 'uint8array' }));
}

/** The archive after `change` had its way with its records. */
export async function rezipped(path: string, change: (records: Records) => void): Promise<MemorySource> {
  const records = await recordsOf(path);
  change(records);
  return zipped(records);
}
