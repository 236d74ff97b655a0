import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { readSegment } from '../../src/io/segment.ts';
import { entryContent } from '../../src/zip/content.ts';
import { readDirectory } from '../../src/zip/directory.ts';
import type { ZipEntry } from '../../src/zip/entry-table.ts';
import { readLocalHeader } from '../../src/zip/local-header.ts';
import { locateData } from '../../src/zip/locate-data.ts';
import { archiveOf, CountingSource, foreignArchive, record } from './archives.ts';

const torchFile = (version: string): Buffer => readFileSync(new URL(`torch-${version}.pt`, import.meta.url));

/** Offsets by the local headers alone, one by one. */
async function byHeaders(source: MemorySource, entries: readonly ZipEntry[]): Promise<number[]> {
  return Promise.all(entries.map(async (entry) => (await readLocalHeader(source, entry)).dataOffset));
}

async function locate(bytes: Uint8Array, options: Parameters<typeof locateData>[2] = {}) {
  const source = new CountingSource(bytes);
  const directory = await readDirectory(source);
  source.reads = 0;
  const offsets = Array.from(await locateData(source, directory, options));
  const { reads } = source;
  return { source, directory, offsets, reads };
}

describe('locateData', () => {
  it.each(['1.13', '2.13'])(
    'computes every offset of a file by torch %s, without a read',
    async (version) => {
      const { source, directory, offsets, reads } = await locate(torchFile(version));
      expect(reads).toBe(0);
      expect(offsets).toEqual(await byHeaders(source, directory.entries));
      expect(offsets.every((offset) => offset % 64 === 0)).toBe(true);
    },
  );

  it('computes with the alignment that it is given, and reads headers with a wrong one', async () => {
    const records = [record('a', Buffer.from('abc')), record('b', Buffer.from('de'))];
    const archive = await archiveOf('r', records, 4096);
    const right = await locate(archive, { alignment: 4096 });
    const wrong = await locate(archive, { alignment: 64 });
    expect(right.offsets).toEqual([4096, 8192]);
    expect(wrong.offsets).toEqual([4096, 8192]);
    expect([right.reads, wrong.reads]).toEqual([0, 1]);
  });

  it('reads the headers of an archive that another tool made, neighbours at once', async () => {
    const records = Array.from({ length: 100 }, (_, i) => ({ name: `r/${i}`, stored: Buffer.alloc(i, i) }));
    const { source, directory, offsets, reads } = await locate(foreignArchive(records));
    expect(reads).toBe(1);
    expect(offsets).toEqual(await byHeaders(source, directory.entries));
  });

  it('does not read the content between headers that are far apart', async () => {
    const records = Array.from({ length: 5 }, (_, i) => ({ name: `r/${i}`, stored: Buffer.alloc(100_000) }));
    const { source, directory, offsets, reads } = await locate(foreignArchive(records));
    expect(reads).toBe(5);
    expect(offsets).toEqual(await byHeaders(source, directory.entries));
  });

  it('follows the headers, not the order of the directory', async () => {
    const archive = Buffer.from(
      await archiveOf('r', [record('a', Buffer.alloc(9)), record('b', Buffer.alloc(9))]),
    );
    const start = archive.indexOf('PK\x01\x02');
    const length = 46 + 3;
    const first = Buffer.from(archive.subarray(start, start + length));
    archive.copyWithin(start, start + length, start + 2 * length);
    first.copy(archive, start + length);
    const { directory, offsets, reads } = await locate(archive);
    expect(directory.entries.map(({ name }) => name)).toEqual(['r/b', 'r/a']);
    expect(offsets).toEqual([128, 64]);
    expect(reads).toBe(0);
  });

  it('reads the header of an entry that must be exact, even where the arithmetic holds', async () => {
    const archive = Buffer.from(
      await archiveOf('r', [record('data.pkl', Buffer.alloc(20)), record('b', Buffer.alloc(9))]),
    );
    // A padding that claims four bytes more moves the content, but neither of the next headers.
    archive.writeUInt16LE(archive.readUInt16LE(28) + 4, 28);
    const computed = await locate(archive);
    const exact = await locate(archive, { exact: (index, table) => table.name(index) === 'r/data.pkl' });
    expect(computed.offsets).toEqual([64, 192]);
    expect(exact.offsets).toEqual([68, 192]);
  });

  it('refuses a header without its signature, and one that leaves no room for the content', async () => {
    const archive = foreignArchive([{ name: 'r/a', stored: Buffer.alloc(50) }]);
    const unsigned = Buffer.from(archive);
    unsigned.writeUInt8(0, 0);
    await expect(locate(unsigned)).rejects.toMatchObject({ code: 'bad-archive', offset: 0 });
    const long = Buffer.from(archive);
    long.writeUInt16LE(60_000, 28);
    await expect(locate(long)).rejects.toMatchObject({
      code: 'bad-archive',
      message: expect.stringContaining('passes the end of the file'),
    });
  });

  it('gives nothing for an archive without entries', async () => {
    expect((await locate(foreignArchive([]))).offsets).toEqual([]);
  });
});

describe('readLocalHeader', () => {
  it('tells the fields, the name and the extra fields', async () => {
    const archive = foreignArchive([
      { name: 'r/a', stored: Buffer.from('xyz'), localExtra: Buffer.from([9, 9, 1, 0, 7]) },
    ]);
    const source = new MemorySource(archive);
    const { entries } = await readDirectory(source);
    const header = await readLocalHeader(source, entries[0] as ZipEntry);
    expect(Buffer.from(header.nameBytes).toString()).toBe('r/a');
    expect(Array.from(header.extra)).toEqual([9, 9, 1, 0, 7]);
    expect(header).toMatchObject({ method: 0, flags: 0, size: 3, storedSize: 3, dataOffset: 38 });
  });
});

describe('entryContent', () => {
  const text = Buffer.from('the same words, the same words, the same words');
  const open = async (fields: { method?: number; flags?: number; stored: Uint8Array; size?: number }) => {
    const { source, directory, offsets } = await locate(foreignArchive([{ name: 'r/a', ...fields }]));
    return entryContent(source, directory.entries[0] as ZipEntry, offsets[0] as number);
  };

  it('gives stored and deflated content', async () => {
    const stored = await open({ stored: text });
    const deflated = await open({ stored: deflateRawSync(text), size: text.length, method: 8 });
    expect(Buffer.from(await readSegment(stored, 100))).toEqual(text);
    expect(Buffer.from(await readSegment(deflated, 100))).toEqual(text);
  });

  it.each([0x1, 0x40, 0x2000])('refuses encrypted content (flags %i)', async (flags) => {
    await expect(open({ stored: text, flags })).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('refuses a method that torch does not read', async () => {
    await expect(open({ stored: text, method: 12 })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('method 12'),
    });
  });
});

describe('headers that contradict the directory', () => {
  const faultsOf = async (
    change: (bytes: Buffer, header: number) => void,
    options: { all?: boolean } = { all: true },
  ) => {
    const records = [record('a', Buffer.from('abc')), record('b', Buffer.from('de'))];
    const bytes = await archiveOf('root', records);
    const { entries } = await readDirectory(new CountingSource(bytes));
    const header = (entries[1] as ZipEntry).headerOffset;
    change(bytes, header);
    const faults: string[] = [];
    const { offsets } = await locate(bytes, {
      ...options,
      onFault: (entry, fault) => faults.push(`${entry.name} ${fault}`),
    });
    return { faults, offsets };
  };

  it('are told where all are asked for', async () => {
    expect((await faultsOf(() => {})).faults).toEqual([]);
    const renamed = (bytes: Buffer, header: number) => bytes.write('x', header + 35);
    expect((await faultsOf(renamed)).faults).toEqual(["root/b is called 'root/x'"]);
    expect((await faultsOf(renamed, {})).faults).toEqual([]);
    expect((await faultsOf((bytes, header) => bytes.writeUInt16LE(8, header + 8))).faults).toEqual([
      'root/b is compressed by method 8, not 0',
    ]);
    expect((await faultsOf((bytes, header) => bytes.writeUInt16LE(0x809, header + 6))).faults).toEqual([
      'root/b is encrypted',
    ]);
    // without the flag that sizes follow the content, those of the header count
    expect((await faultsOf((bytes, header) => bytes.writeUInt16LE(0x800, header + 6))).faults).toEqual([
      'root/b takes 0 bytes, not 2',
    ]);
  });

  it('do not keep a record from being found whose place can be computed', async () => {
    const whole = await faultsOf(() => {});
    const damaged = await faultsOf((bytes, header) => bytes.writeUInt32LE(0, header));
    expect(damaged).toEqual({ faults: ['root/b is damaged'], offsets: whole.offsets });
  });
});
