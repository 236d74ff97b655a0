import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { readDirectory } from '../../src/zip/directory.ts';
import { EntryTable } from '../../src/zip/entry-table.ts';
import { foreignArchive } from './archives.ts';

const NAMES = ['m/data.pkl', 'm/data/7', 'm/data/07', 'm/data/12345678', 'm/data/7x', 'модель/data/7', 'm'];

async function tables(): Promise<[string, EntryTable][]> {
  // names are written one byte a character
  const bytes = NAMES.map((name) => Buffer.from(name).toString('latin1'));
  const archive = foreignArchive(bytes.map((name, i) => ({ name, stored: Buffer.alloc(i) })));
  const { table } = await readDirectory(new MemorySource(archive));
  return [
    ['read from a directory', table],
    ['made of entries', EntryTable.of(table.entries)],
  ];
}

describe.each(await tables())('a table of entries %s', (_, table) => {
  const indexes = NAMES.map((_, index) => index);

  it('has their names and numbers', () => {
    expect(table.length).toBe(NAMES.length);
    expect(indexes.map((index) => table.name(index))).toEqual(NAMES);
    expect(table.entries.map(({ size }) => size)).toEqual(indexes);
    expect(table.entry(3)).toEqual(table.entries[3]);
    expect(table.nameBehind(1, 2)).toBe('data/7');
  });

  it('compares the ends of names', () => {
    for (const text of ['m', 'm/data/', 'модель/', '7', 'data.pkl', '', 'm/data.pkl and more']) {
      expect(indexes.map((index) => table.startsWith(index, text))).toEqual(
        NAMES.map((name) => name.startsWith(text)),
      );
      expect(indexes.map((index) => table.endsWith(index, text))).toEqual(
        NAMES.map((name) => name.endsWith(text)),
      );
    }
  });
});

describe('a table of entries', () => {
  it('tells the number that a name spells, and no other text', async () => {
    const [[, table]] = (await tables()) as [[string, EntryTable]];
    const numbers = NAMES.map((_, index) => table.decimalBehind(index, 'm/data/'));
    expect(numbers).toEqual([-1, 7, -1, -1, -1, -1, -1]);
    expect(table.decimalBehind(5, 'модель/data/')).toBe(-1);
  });

  it('gives names over and over, whether few or many were asked for', async () => {
    const [[, table]] = (await tables()) as [[string, EntryTable]];
    for (let round = 0; round < 40; round++)
      for (const [index, name] of NAMES.entries()) {
        expect(table.name(index)).toBe(name);
        expect(table.nameBehind(index, 3)).toBe(name.slice(3));
      }
  });
});
