import fc from 'fast-check';
import JSZip from 'jszip';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { readDirectory } from '../../src/zip/directory.ts';
import { layoutArchive } from '../../src/zip/layout.ts';
import { locateData } from '../../src/zip/locate-data.ts';
import { recoverRecords } from '../../src/zip/recover.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { MemorySink } from './memory-sink.ts';

/** An archive as torch writes it: sizes behind the contents, none in the headers. */
async function archiveOf(contents: readonly Uint8Array[]): Promise<Buffer> {
  const layout = layoutArchive(
    'model',
    contents.map((content, index) => ({ name: `data/${index}`, content: [content], size: content.length })),
  );
  const sink = new MemorySink(layout.size);
  await writeArchive(layout, sink);
  return sink.bytes;
}

const unknown = async () => undefined;

/** Bytes among which signatures of descriptors and headers stand. */
const content = fc
  .array(
    fc.oneof(fc.constantFrom('PK\x07\x08', 'PK\x03\x04', '\0\0\0\0'), fc.string({ unit: 'binary-ascii' })),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

describe('recoverRecords', () => {
  it('law: finds what the directory says, with sizes or without', () =>
    fc.assert(
      fc.asyncProperty(fc.array(content, { minLength: 1, maxLength: 6 }), async (contents) => {
        const source = new MemorySource(await archiveOf(contents));
        const directory = await readDirectory(source);
        const offsets = await locateData(source, directory);
        const sizes = new Map(directory.entries.map(({ name, size }) => [name, size]));
        for (const sizeOf of [unknown, async ({ name }: { name: string }) => sizes.get(name)]) {
          const found = await recoverRecords(source, sizeOf);
          expect(found.isCut).toBe(false);
          expect([...found.offsets]).toEqual([...offsets]);
          expect(found.entries).toEqual(directory.entries);
        }
      }),
      { numRuns: 80 },
    ));

  it('looks for the end where the size that it is told is none', async () => {
    const source = new MemorySource(await archiveOf([Buffer.alloc(100, 1), Buffer.alloc(50, 2)]));
    for (const wrong of [0, 20, 99, 101, 130]) {
      const { entries } = await recoverRecords(source, async () => wrong);
      expect(entries.map(({ size }) => size)).toEqual([100, 50]);
    }
  });

  it('law: of an archive that is cut, finds every record before the cut, and what is there of the last', () =>
    fc.assert(
      fc.asyncProperty(fc.array(content, { minLength: 1, maxLength: 5 }), fc.nat(), async (contents, at) => {
        const bytes = await archiveOf(contents);
        const whole = await recoverRecords(new MemorySource(bytes), unknown);
        const cut = at % bytes.length;
        const found = await recoverRecords(new MemorySource(bytes.subarray(0, cut)), unknown);
        const whole0 = found.isCut ? found.entries.slice(0, -1) : found.entries;
        expect(whole.entries.slice(0, whole0.length)).toEqual(whole0);
        const missed = whole.entries[whole0.length];
        if (missed)
          expect((whole.offsets[whole0.length] as number) + missed.size).toBeGreaterThanOrEqual(cut - 24);
        if (found.isCut)
          expect((found.offsets.at(-1) as number) + (found.entries.at(-1)?.size ?? 0)).toBe(cut);
      }),
      { numRuns: 80 },
    ));

  it('reads sizes from headers that have them, deflated contents too', async () => {
    const zip = new JSZip();
    zip.file('a/data.pkl', Buffer.alloc(1000, 7), { compression: 'DEFLATE' });
    zip.file('a/data/0', Buffer.alloc(10, 3));
    const bytes = await zip.generateAsync({ type: 'nodebuffer' });
    const source = new MemorySource(bytes);
    const { entries } = await readDirectory(source);
    const found = await recoverRecords(source, unknown);
    const facts = (each: typeof entries) =>
      each.map(({ name, method, size, storedSize }) => [name, method, size, storedSize]);
    expect(facts(found.entries)).toEqual(facts(entries));
  });

  it('finds nothing in what is no archive', async () => {
    const found = await recoverRecords(
      new MemorySource(Buffer.from('no archive at all, but long enough for a header')),
      unknown,
    );
    expect(found).toMatchObject({ entries: [], isCut: false });
  });
});
