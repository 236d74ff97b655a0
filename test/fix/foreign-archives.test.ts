import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import JSZip from 'jszip';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { fixCheckpoint } from '../../src/fix/fix.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { layoutArchive } from '../../src/zip/layout.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { MemorySink } from '../zip/memory-sink.ts';
import { readWithYauzl, workshop } from './files.ts';

const { place } = workshop();
const ORIGINAL = 'fixtures/clean/state_dict.pth';

interface Rezip {
  readonly deflated?: boolean;
  /** New names by old ones, in the order of the new archive; undefined leaves a record out. */
  readonly rename?: (name: string) => string | undefined;
  readonly reversed?: boolean;
  readonly extra?: Readonly<Record<string, string>>;
}

/** The records of a checkpoint zipped anew, as tools for folders do it. */
async function rezipped({
  deflated = false,
  rename = (name) => name,
  reversed,
  extra = {},
}: Rezip): Promise<string> {
  const zip = new JSZip();
  for (const [name, content] of Object.entries(extra)) zip.file(name, content, { createFolders: false });
  // jszip itself can't read what torch wrote
  const entries = await readWithYauzl(ORIGINAL);
  for (const { name, bytes } of reversed ? entries.reverse() : entries) {
    const renamed = rename(name);
    if (renamed !== undefined) zip.file(renamed, bytes, { createFolders: false });
  }
  const file = path.join(place(), 'rezipped.pth');
  writeFileSync(
    file,
    await zip.generateAsync({ type: 'nodebuffer', compression: deflated ? 'DEFLATE' : 'STORE' }),
  );
  return file;
}

/**
 * An archive of many records, one of which begins before the place where torch would have put it: its header has no padding, and the
 * bytes that are spared stand behind it. Nothing of that shows in the directory.
 */
async function withEarlyRecord(record: string): Promise<string> {
  const entries = await readWithYauzl(ORIGINAL);
  const root = entries[0]?.name.split('/')[0] ?? '';
  const contents = new Map(entries.map(({ name, bytes }) => [name.slice(root.length + 1), bytes]));
  for (let index = 0; index < 100; index++) contents.set(`extra/${index}`, Buffer.from('x'));
  const layout = layoutArchive(
    root,
    [...contents].map(([name, bytes]) => ({ name, content: [bytes], size: bytes.length })),
  );
  const sink = new MemorySink(layout.size);
  await writeArchive(layout, sink);
  const archive = sink.bytes;
  const header = archive.indexOf(`${root}/${record}`) - 30;
  const padding = archive.readUInt16LE(header + 28);
  const start = header + 30 + archive.readUInt16LE(header + 26);
  const size = (contents.get(record) as Buffer).length;
  archive.writeUInt16LE(0, header + 28);
  archive.copyWithin(start, start + padding, start + padding + size);
  const file = path.join(place(), 'early.pth');
  writeFileSync(file, archive);
  return file;
}

/** Bytes of every tensor by its name. */
async function tensorsOf(file: string): Promise<Map<string, string>> {
  const checkpoint = await openCheckpoint(file);
  const tensors = new Map<string, string>();
  for (const tensor of checkpoint.tensors) {
    const { buffer, byteOffset, byteLength } = await readTensor(tensor);
    tensors.set(tensor.name, Buffer.from(buffer, byteOffset, byteLength).toString('hex'));
  }
  await checkpoint.close();
  return tensors;
}

describe('an archive that was zipped anew', () => {
  it.each<[string, Rezip]>([
    ['stored', {}],
    ['deflated', { deflated: true }],
    ['in another order', { reversed: true }],
    ['without its top folder', { rename: (name) => name.slice(name.indexOf('/') + 1) }],
    [
      'deflated and without its top folder',
      { deflated: true, rename: (name) => name.slice(name.indexOf('/') + 1) },
    ],
    ['one folder deeper', { rename: (name) => `download/${name}` }],
    ['with what macOS puts beside', { extra: { '__MACOSX/._state_dict': 'x', '.DS_Store': 'y' } }],
    [
      'with what macOS puts beside, deflated and reversed',
      { deflated: true, reversed: true, extra: { '__MACOSX/state_dict/._data.pkl': 'x' } },
    ],
    [
      'with its format version kept from torch',
      { rename: (name) => (name.endsWith('.format_version') ? undefined : name) },
    ],
  ])('%s is healed', async (_how, how) => {
    const input = await rezipped(how);
    const { output, bytesOut, verified } = await fixCheckpoint(input, { mapLocation: 'cpu', verify: 'full' });
    expect(verified).toBe(true);
    expect(await tensorsOf(output)).toEqual(await tensorsOf(ORIGINAL));
    const entries = await readWithYauzl(output);
    const root = entries[0]?.name.split('/')[0];
    expect(root).toBeTruthy();
    for (const { name, method, start } of entries) {
      expect(name.startsWith(`${root}/`)).toBe(true);
      expect(method).toBe(0);
      expect(start % 64).toBe(0);
    }
    expect(entries.some(({ name }) => /MACOSX|DS_Store/.test(name))).toBe(false);
    expect(readFileSync(output)).toHaveLength(bytesOut);
  });

  it('refuses one whose storage got lost on the way', async () => {
    const input = await rezipped({ rename: (name) => (name.endsWith('/data/0') ? undefined : name) });
    await expect(fixCheckpoint(input, { mapLocation: 'cpu' })).rejects.toMatchObject({
      code: 'missing-record',
    });
  });

  it('refuses one whose deflated storage is damaged', async () => {
    const input = await rezipped({ deflated: true });
    const bytes = readFileSync(input);
    const entry = (await readWithYauzl(input)).find(({ name }) => name.endsWith('/data/0'));
    bytes.fill(0xff, (entry?.start as number) + 1, (entry?.start as number) + 12);
    writeFileSync(input, bytes);
    await expect(fixCheckpoint(input, { mapLocation: 'cpu' })).rejects.toMatchObject({ code: 'bad-archive' });
  });
});

describe('an archive whose records begin where the arithmetic does not expect it', () => {
  it('is copied from where its headers say, as torch reads it', async () => {
    const file = await withEarlyRecord('data/0');
    const output = path.join(place(), 'fixed.pth');
    const { findingsBefore } = await fixCheckpoint(file, { output, mapLocation: 'cpu' });
    expect(findingsBefore.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(await tensorsOf(output)).toEqual(await tensorsOf(ORIGINAL));
  });
});
