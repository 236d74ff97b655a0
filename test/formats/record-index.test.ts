import { describe, expect, it } from 'vitest';
import { RecordIndex } from '../../src/formats/record-index.ts';
import { EntryTable } from '../../src/zip/entry-table.ts';

const entries = (...names: string[]): EntryTable =>
  EntryTable.of(
    names.map((name, index) => ({
      name,
      nameLength: name.length,
      flags: 0,
      method: 0,
      crc32: 0,
      storedSize: 0,
      size: 0,
      headerOffset: index,
    })),
  );

describe('an index of records', () => {
  it('finds them without regard to case, the first of two with one name', () => {
    const index = new RecordIndex(
      entries(
        'Model/data.pkl',
        'Model/data/1',
        'model/DATA/1',
        'MODEL/Data.PKL',
        'Model/data/0',
        'other/data/2',
      ),
      'Model',
    );
    expect(index.find('data.pkl')).toBe(0);
    expect(index.find('DATA.pkl')).toBe(0);
    expect(index.find('data/1')).toBe(1);
    expect(index.find('Data/0')).toBe(4);
    expect(index.findStorage('1')).toBe(1);
    expect(index.findStorage('2')).toBeUndefined();
    expect(index.size).toBe(4);
  });

  it('tells a number from what only looks like one', () => {
    const index = new RecordIndex(entries('m/data/07', 'm/data/7', 'm/data/94312345678', 'm/data/x'), 'm');
    expect(['07', '7', '94312345678', 'x', 'X', '8'].map((key) => index.findStorage(key))).toEqual([
      0,
      1,
      2,
      3,
      3,
      undefined,
    ]);
  });

  it('does without a root folder', () => {
    const index = new RecordIndex(entries('data.pkl', 'data/0', 'folder/data/1'), '');
    expect(index.find('data/0')).toBe(1);
    expect(index.find('folder/data/1')).toBe(2);
    expect(index.find('data/1')).toBeUndefined();
  });
});
