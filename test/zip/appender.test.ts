import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBuffer } from 'yauzl';
import { type ByteSource, MemorySource } from '../../src/io/byte-source.ts';
import { type Growth, growArchive } from '../../src/zip/appender.ts';
import { readDirectory } from '../../src/zip/directory.ts';
import { layoutArchive } from '../../src/zip/layout.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { archiveOf, foreignArchive, record } from './archives.ts';

const text = (content: string) => Buffer.from(content);

async function grow(before: Buffer, growth: Growth) {
  const source = new MemorySource(before);
  const grown = await growArchive(source, await readDirectory(source), growth);
  const after = Buffer.alloc(grown.layout.size);
  before.copy(after);
  await writeArchive(grown.layout, {
    async write(offset, bytes) {
      expect(offset).toBeGreaterThanOrEqual(before.length);
      after.set(bytes, offset);
    },
  });
  return { ...grown, after };
}

/** Names and contents as yauzl reads them, checksums compared. */
function contentsOf(archive: Buffer): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    fromBuffer(archive, { lazyEntries: true }, (error, zip) => {
      if (error) return reject(error);
      const contents: Record<string, string> = {};
      zip.on('error', reject);
      zip.on('end', () => resolve(contents));
      zip.on('entry', (entry) => {
        zip.openReadStream(entry, async (fault, stream) => {
          if (fault) return reject(fault);
          const chunks: Buffer[] = [];
          for await (const chunk of stream) chunks.push(chunk as Buffer);
          expect(contents).not.toHaveProperty([entry.fileName]);
          contents[entry.fileName] = Buffer.concat(chunks).toString();
          zip.readEntry();
        });
      });
      zip.readEntry();
    });
  });
}

describe('an archive that grows', () => {
  it('lists new records and old ones, and not a byte before its old end changes', async () => {
    const before = await archiveOf('m', [
      record('data.pkl', text('old')),
      record('data/0', text('tensor')),
      record('version', text('3\n')),
    ]);
    const { after } = await grow(before, {
      root: 'm',
      records: [record('data.pkl', text('new and longer')), record('.extra/note', text('x'))],
      keeps: () => true,
    });
    expect(after.subarray(0, before.length).equals(before)).toBe(true);
    expect(await contentsOf(after)).toEqual({
      'm/data.pkl': 'new and longer',
      'm/.extra/note': 'x',
      'm/data/0': 'tensor',
      'm/version': '3\n',
    });
    expect(await contentsOf(after.subarray(0, before.length))).toMatchObject({ 'm/data.pkl': 'old' });
  });

  it('leaves out what it is told to, what stands outside the folder, and what repeats a name in other letters', async () => {
    const before = foreignArchive([
      { name: '__MACOSX/._m', stored: text('junk') },
      { name: 'm/DATA.PKL', stored: text('old') },
      { name: 'm/data/0', stored: text('first') },
      { name: 'm/Data/0', stored: text('second') },
      { name: 'm/gone', stored: text('gone') },
    ]);
    const { after, outside, repeated } = await grow(before, {
      root: 'm',
      records: [record('data.pkl', text('new'))],
      keeps: (name) => name !== 'gone',
    });
    expect({ outside, repeated }).toEqual({ outside: 1, repeated: 1 });
    expect(await contentsOf(after)).toEqual({ 'm/data.pkl': 'new', 'm/data/0': 'first' });
  });

  it('refuses a folder whose name it could not write again as it is', async () => {
    const before = foreignArchive([{ name: 'm\xff/data.pkl', stored: text('old') }]);
    await expect(
      grow(before, { root: 'm\xff', records: [record('data.pkl', text('new'))], keeps: () => true }),
    ).rejects.toThrow(/not UTF-8/);
  });

  it('grows what other tools wrote, with bytes behind its end, again and again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 5 }),
        fc.uint8Array({ maxLength: 300 }),
        async (contents, trailer) => {
          let file = foreignArchive([{ name: 'm/data/0', stored: text('tensor') }], {
            // a signature of an end record in it would be taken for one
            trailer: trailer.map((byte) => byte | 0x80),
          });
          for (const content of contents) {
            const { after } = await grow(file, {
              root: 'm',
              records: [record('data.pkl', text(content))],
              keeps: () => true,
            });
            expect(after.subarray(0, file.length).equals(file)).toBe(true);
            expect(await contentsOf(after)).toEqual({ 'm/data/0': 'tensor', 'm/data.pkl': content });
            file = after;
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('writes offsets beyond 4 GiB where the file is that long', async () => {
    const gap = 5 * 2 ** 30;
    const first = await archiveOf('m', [record('data/0', text('tensor'))]);
    // the same archive, with its directory behind a long hole
    const source = await readDirectory(new MemorySource(first));
    const bytes = first.subarray(
      source.end.directoryOffset,
      source.end.directoryOffset + source.end.directorySize,
    );
    const layout = layoutArchive('m', [record('data.pkl', text('new'))], {
      start: gap,
      kept: { bytes, count: 1 },
    });
    const written: [number, Buffer][] = [[0, first]];
    await writeArchive(layout, {
      async write(offset, chunk) {
        written.push([offset, Buffer.from(chunk)]);
      },
    });
    const sparse: ByteSource = {
      size: layout.size,
      async read(offset, length) {
        const out = Buffer.alloc(length);
        for (const [start, chunk] of written) {
          const from = Math.max(offset, start);
          const to = Math.min(offset + length, start + chunk.length);
          if (from < to) chunk.copy(out, from - offset, from - start, to - start);
        }
        return out;
      },
    };
    const { entries } = await readDirectory(sparse);
    expect(entries.map(({ name, headerOffset, size }) => ({ name, headerOffset, size }))).toEqual([
      { name: 'm/data.pkl', headerOffset: gap, size: 3 },
      { name: 'm/data/0', headerOffset: 0, size: 6 },
    ]);
    expect(Buffer.from(await sparse.read(layout.dataOffsets[0] as number, 3)).toString()).toBe('new');
  });
});
