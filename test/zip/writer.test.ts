import { readFileSync } from 'node:fs';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import yauzl from 'yauzl';
import { MemorySource } from '../../src/io/byte-source.ts';
import { RefusedError } from '../../src/io/errors.ts';
import { readSegment } from '../../src/io/segment.ts';
import { entryContent } from '../../src/zip/content.ts';
import { readDirectory } from '../../src/zip/directory.ts';
import type { ZipEntry } from '../../src/zip/entry-table.ts';
import { layoutArchive, type OutputRecord } from '../../src/zip/layout.ts';
import { locateData } from '../../src/zip/locate-data.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { archiveOf, CountingSource, record } from './archives.ts';
import { MemorySink } from './memory-sink.ts';

const read = async (path: string): Promise<Buffer> => readFileSync(new URL(path, import.meta.url));

/** Splits an archive into the root and the records that made it. */
async function recordsOf(
  archive: Uint8Array,
  alignment = 64,
): Promise<{ root: string; records: OutputRecord[] }> {
  const source = new MemorySource(archive);
  const directory = await readDirectory(source);
  const offsets = await locateData(source, directory, { alignment, exact: () => true });
  const root = (directory.entries[0] as ZipEntry).name.split('/')[0] as string;
  const records = directory.entries.map((entry, index) =>
    record(entry.name.slice(root.length + 1), entryContent(source, entry, offsets[index] as number)),
  );
  return { root, records };
}

interface Seen {
  readonly name: string;
  readonly content: Buffer;
  readonly crc32: number;
}

/** What an independent reader makes of an archive. */
function readWithYauzl(archive: Buffer): Promise<Seen[]> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(archive, { lazyEntries: true }, (failure, zip) => {
      if (failure) return reject(failure);
      const seen: Seen[] = [];
      zip.on('error', reject);
      zip.on('end', () => resolve(seen));
      zip.on('entry', (entry) => {
        zip.openReadStream(entry, (error, stream) => {
          if (error) return reject(error);
          const chunks: Buffer[] = [];
          stream.on('error', reject);
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('end', () => {
            seen.push({ name: entry.fileName, content: Buffer.concat(chunks), crc32: entry.crc32 });
            zip.readEntry();
          });
        });
      });
      zip.readEntry();
    });
  });
}

describe('writeArchive', () => {
  it.each(['torch-1.13.pt', 'torch-2.13.pt'])(
    'writes the records of %s to the same bytes as torch',
    async (name) => {
      const original = await read(name);
      const { root, records } = await recordsOf(original);
      expect(await archiveOf(root, records)).toEqual(original);
    },
  );

  it('is read by yauzl, with true CRCs', async () => {
    const contents = [
      Buffer.from('pickle'),
      Buffer.alloc(0),
      Buffer.alloc(100_000, 'xyz'),
      Buffer.from('3\n'),
    ];
    const archive = await archiveOf(
      'größe',
      contents.map((content, index) => record(`data/${index}`, content)),
    );
    const seen = await readWithYauzl(archive);
    expect(seen).toEqual(
      contents.map((content, index) => ({ name: `größe/data/${index}`, content, crc32: crc32(content) })),
    );
  });

  it('is read by yauzl beyond 65535 records, over several buffers', async () => {
    const count = 66_000;
    const records = Array.from({ length: count }, (_, i) => record(`data/${i}`, Buffer.from(String(i))));
    const archive = await archiveOf('many', records);
    const seen = await readWithYauzl(archive);
    expect(seen).toHaveLength(count);
    expect(seen.filter(({ name, content }) => name !== `many/data/${content.toString()}`)).toEqual([]);
  }, 60_000);

  it('joins segments of every kind, across the borders of its buffers', async () => {
    const noise = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 2654435761) >>> 24));
    const source = new MemorySource(noise);
    const deflated = deflateRawSync(noise);
    const content = [
      noise.subarray(0, 10),
      { source, offset: 5, length: 2_500_000 },
      {
        deflated: { source: new MemorySource(deflated), offset: 0, length: deflated.length },
        length: noise.length,
      },
      noise,
    ];
    const whole = Buffer.concat([noise.subarray(0, 10), noise.subarray(5, 2_500_005), noise, noise]);
    const layout = layoutArchive('r', [
      { name: 'a', content, size: whole.length },
      record('b', noise.subarray(7, 9)),
    ]);
    const sink = new MemorySink(layout.size);
    const progress: number[] = [];
    const written = await writeArchive(layout, sink, {
      onProgress: (done, total) => {
        expect(total).toBe(layout.size);
        progress.push(done);
      },
    });
    const seen = await readWithYauzl(sink.bytes);
    expect(
      seen.map(({ name, content: bytes }) => [
        name,
        bytes.equals(name === 'r/a' ? whole : noise.subarray(7, 9)),
      ]),
    ).toEqual([
      ['r/a', true],
      ['r/b', true],
    ]);
    expect(Array.from(written.crc32)).toEqual([crc32(whole), crc32(noise.subarray(7, 9))]);
    expect(progress.at(-1)).toBe(layout.size);
    expect(progress.length).toBe(sink.writes);
    expect(sink.writes).toBeGreaterThan(2);
  });

  it('reads many small neighbours at once, in whatever order they are wanted', async () => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
    const source = new CountingSource(bytes);
    const records = Array.from({ length: 2000 }, (_, i) => {
      const offset = ((i * 7) % 2000) * 100;
      return record(`data/${i}`, { source, offset, length: 12 });
    });
    const seen = await readWithYauzl(await archiveOf('r', records));
    expect(source.reads).toBe(1);
    expect(
      seen.every(({ content }, i) => content.equals(bytes.subarray(((i * 7) % 2000) * 100).subarray(0, 12))),
    ).toBe(true);
  });

  it('fails with what a source throws, after all that was in flight', async () => {
    const bytes = new Uint8Array(6_000_000);
    const source = new MemorySource(bytes);
    const short = { source, offset: 5_999_000, length: 2_000 };
    const whole = { source, offset: 0, length: bytes.length };
    const layout = layoutArchive('r', [
      record('a', whole),
      record('b', short),
      record('c', whole),
      record('d', whole),
    ]);
    await expect(writeArchive(layout, new MemorySink(layout.size))).rejects.toMatchObject({
      code: 'truncated',
    });
  });

  it('fails with what the output throws', async () => {
    const layout = layoutArchive('r', [record('a', new Uint8Array(40_000_000))]);
    let writes = 0;
    let inFlight = 0;
    const full = {
      async write(): Promise<void> {
        inFlight++;
        await new Promise((resolve) => setImmediate(resolve));
        inFlight--;
        writes++;
        if (writes >= 3) throw new RefusedError('no space left');
      },
    };
    await expect(writeArchive(layout, full)).rejects.toThrow('no space left');
    expect(inFlight).toBe(0);
    expect(writes).toBeLessThan(10);
  });

  it('writes an archive without records', async () => {
    const archive = await archiveOf('r', []);
    expect(archive).toHaveLength(56 + 20 + 22);
    expect(await readWithYauzl(archive)).toEqual([]);
  });

  it('gives back whatever records it was given, found by arithmetic alone', async () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    const pair = fc.tuple(name, fc.uint8Array({ maxLength: 200 }));
    const pairs = fc.uniqueArray(pair, { maxLength: 12, selector: ([key]) => key });
    const alignment = fc.constantFrom(1, 2, 16, 64, 100, 4096);
    await fc.assert(
      fc.asyncProperty(name, pairs, alignment, async (root, wanted, align) => {
        const archive = await archiveOf(
          root,
          wanted.map(([key, bytes]) => record(key, bytes)),
          align,
        );
        const source = new CountingSource(archive);
        const directory = await readDirectory(source);
        const reads = source.reads;
        const offsets = await locateData(source, directory, { alignment: align });
        expect(source.reads).toBe(reads);
        const found = await Promise.all(
          directory.entries.map(async (entry, index) => [
            entry.name,
            Buffer.from(await readSegment(entryContent(source, entry, offsets[index] as number), 1000)),
          ]),
        );
        expect(found).toEqual(wanted.map(([key, bytes]) => [`${root}/${key}`, Buffer.from(bytes)]));
        expect(Array.from(offsets).every((offset) => offset % align === 0)).toBe(true);
      }),
    );
  });
});
