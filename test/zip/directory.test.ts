import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { readDirectory } from '../../src/zip/directory.ts';
import { archiveOf, CountingSource, foreignArchive, record } from './archives.ts';

const torchFile = (version: string): Buffer => readFileSync(new URL(`torch-${version}.pt`, import.meta.url));
const bytes = (text: string): Uint8Array => Buffer.from(text);
const three = foreignArchive([
  { name: 'r/data.pkl', stored: bytes('pickle') },
  { name: 'r/version', stored: bytes('3\n') },
  { name: 'r/empty', stored: bytes('') },
]);

/** A copy of `archive` in which `change` was at work. */
function changed(archive: Buffer, change: (copy: Buffer) => void): MemorySource {
  const copy = Buffer.from(archive);
  change(copy);
  return new MemorySource(copy);
}

/** Offset of the n-th occurrence of a signature `PK\x..\x..`. */
function find(archive: Buffer, signature: number, n = 0): number {
  const wanted = Buffer.alloc(4);
  wanted.writeUInt32LE(signature);
  let at = archive.indexOf(wanted);
  for (let i = 0; i < n; i++) at = archive.indexOf(wanted, at + 1);
  return at;
}
const ENTRY = 0x02014b50;
const END = 0x06054b50;
const ZIP64_END = 0x06064b50;
const LOCATOR = 0x07064b50;

describe('readDirectory', () => {
  it('gives up on names that take too long to tell apart', async () => {
    const names = Array.from(
      { length: 1000 },
      (_, i) => `${'k'.repeat(20_000)}${String(i).padStart(4, '0')}`,
    );
    const read = (some: readonly string[]) =>
      readDirectory(new MemorySource(foreignArchive(some.map((name) => ({ name, stored: bytes('') })))));
    await expect(read(names)).rejects.toMatchObject({ code: 'limit', rule: 'limit/exhausted' });
    expect((await read(names.slice(0, 500))).entries).toHaveLength(500);
  });

  it('reads what torch 2.13 wrote, in one read', async () => {
    const source = new CountingSource(torchFile('2.13'));
    const { entries, end, unusedBytes } = await readDirectory(source);
    expect(source.reads).toBe(1);
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ['zero/data.pkl', 354],
      ['zero/.format_version', 1],
      ['zero/.storage_alignment', 2],
      ['zero/byteorder', 6],
      ['zero/data/0', 40],
      ['zero/data/1', 0],
      ['zero/data/2', 0],
      ['zero/data/3', 4],
      ['zero/version', 2],
      ['zero/.data/serialization_id', 40],
    ]);
    expect(entries.map(({ flags }) => flags)).toEqual([
      0x808, 0x808, 0x808, 0x808, 0x808, 0x800, 0x800, 0x808, 0x808, 0x808,
    ]);
    expect(unusedBytes).toBe(0);
    expect(end).toMatchObject({ entries: 10, zip64Offset: end.offset - 76 });
  });

  it('reads what torch 1.13 wrote', async () => {
    const { entries } = await readDirectory(new MemorySource(torchFile('1.13')));
    expect(entries.map(({ name }) => name)).toEqual([
      't113/data.pkl',
      't113/data/0',
      't113/data/1',
      't113/data/2',
      't113/version',
    ]);
  });

  it('reads an archive without zip64 records', async () => {
    const { entries, end } = await readDirectory(new MemorySource(three));
    expect(entries.map(({ name, size, nameLength }) => [name, size, nameLength])).toEqual([
      ['r/data.pkl', 6, 10],
      ['r/version', 2, 9],
      ['r/empty', 0, 7],
    ]);
    expect(end.zip64Offset).toBeUndefined();
  });

  it('takes two reads for a directory that the tail of the file does not hold', async () => {
    const many = Array.from({ length: 4000 }, (_, i) => record(`data/${i}`, Buffer.of(i)));
    const source = new CountingSource(await archiveOf('big', many));
    const { entries } = await readDirectory(source);
    expect(source.reads).toBe(2);
    expect(entries).toHaveLength(4000);
    expect(entries.at(-1)?.name).toBe('big/data/3999');
  });

  it('bridges as many bytes after the end record as torch does, and no more', async () => {
    const padded = (length: number): MemorySource =>
      new MemorySource(Buffer.concat([three, Buffer.alloc(length)]));
    expect((await readDirectory(padded(69_562))).entries).toHaveLength(3);
    await expect(readDirectory(padded(69_563))).rejects.toMatchObject({ code: 'truncated' });
  });

  it('takes the last end record that has a whole record behind its signature', async () => {
    const stray = Buffer.concat([three, Buffer.from('PK\x05\x06 too close')]);
    expect((await readDirectory(new MemorySource(stray))).entries).toHaveLength(3);
    const second = Buffer.concat([three, Buffer.from('PK\x05\x06'), Buffer.alloc(18)]);
    expect((await readDirectory(new MemorySource(second))).entries).toHaveLength(0);
  });

  it('lets the zip64 record win over the numbers of the end record', async () => {
    const source = changed(torchFile('2.13'), (copy) => copy.writeUInt16LE(1, find(copy, END) + 10));
    expect((await readDirectory(source)).entries).toHaveLength(10);
  });

  it('does without a zip64 record that the locator does not lead to', async () => {
    const source = changed(torchFile('2.13'), (copy) => copy.writeUInt32LE(4, find(copy, LOCATOR) + 8));
    const { entries, end } = await readDirectory(source);
    expect(entries).toHaveLength(10);
    expect(end.zip64Offset).toBeUndefined();
  });

  it('reads names as UTF-8 where they are, and keeps other bytes apart', async () => {
    const archive = foreignArchive([
      { name: Buffer.from('модель/é').toString('latin1'), stored: bytes('') },
      { name: 'r/\xff', stored: bytes('') },
      { name: 'r/\xfe', stored: bytes('') },
      { name: `${'a'.repeat(7)}\xe9`, stored: bytes('') },
    ]);
    const { entries } = await readDirectory(new MemorySource(archive));
    expect(entries.map(({ name }) => name)).toEqual(['модель/é', 'r/\xff', 'r/\xfe', 'aaaaaaa\xe9']);
  });

  it('takes from a zip64 field only the numbers that the entry has no room for', async () => {
    const extra = Buffer.alloc(4 + 8);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(8, 2);
    const other = Buffer.from([0x99, 0x99, 1, 0, 7]);
    const archive = foreignArchive([
      { name: 'r/a', stored: bytes('abc'), directoryExtra: Buffer.concat([other, extra]) },
    ]);
    const source = changed(archive, (copy) => copy.writeUInt32LE(0xffffffff, find(copy, ENTRY) + 42));
    const { entries } = await readDirectory(source);
    expect(entries[0]).toMatchObject({ size: 3, storedSize: 3, headerOffset: 0 });
  });

  it('tells the bytes of the directory that no entry uses', async () => {
    const source = changed(three, (copy) => {
      copy.writeUInt16LE(2, find(copy, END) + 8);
      copy.writeUInt16LE(2, find(copy, END) + 10);
    });
    const { entries, unusedBytes } = await readDirectory(source);
    expect(entries).toHaveLength(2);
    expect(unusedBytes).toBe(46 + 'r/empty'.length);
  });

  describe('refuses', () => {
    const end = find(three, END);
    const entry = find(three, ENTRY);
    const torch = torchFile('2.13');
    const cases: readonly [string, MemorySource, string, RegExp, number?][] = [
      ['a file that was cut', new MemorySource(three.subarray(0, end + 10)), 'truncated', /cut short/],
      [
        'a file with no end record and another start',
        new MemorySource(Buffer.alloc(100)),
        'bad-archive',
        /no zip directory/,
      ],
      [
        'a file shorter than an end record',
        new MemorySource(Buffer.from('PK')),
        'bad-archive',
        /no zip directory/,
      ],
      [
        'a directory past the end of the file',
        changed(three, (c) => c.writeUInt32LE(2 ** 31, end + 12)),
        'bad-archive',
        /passes the end of the file/,
        end,
      ],
      [
        'more entries than the directory has room for',
        changed(three, (c) => {
          c.writeUInt16LE(999, end + 8);
          c.writeUInt16LE(999, end + 10);
        }),
        'bad-archive',
        /999 entries/,
        end,
      ],
      [
        'one entry more than there is',
        changed(three, (c) => {
          c.writeUInt16LE(4, end + 8);
          c.writeUInt16LE(4, end + 10);
          c.writeUInt32LE(46 * 4, end + 12);
          c.writeUInt32LE(entry - 20, end + 16);
        }),
        'bad-archive',
        /entry 1 of 4/,
      ],
      [
        'a directory that ends before its last entry',
        changed(three, (c) => c.writeUInt32LE(46 * 3, end + 12)),
        'bad-archive',
        /entry 3 of 3 .*ends before it/,
      ],
      [
        'one part of several',
        changed(three, (c) => c.writeUInt16LE(2, end + 4)),
        'bad-archive',
        /part of a set/,
        end,
      ],
      [
        'an entry on another disk',
        changed(three, (c) => c.writeUInt16LE(7, entry + 34)),
        'bad-archive',
        /disk 7/,
        entry,
      ],
      [
        'an entry without its signature',
        changed(three, (c) => c.writeUInt8(0, entry)),
        'bad-archive',
        /entry 1 of 3 .*signature/,
        entry,
      ],
      [
        'an entry that passes the end of the directory',
        changed(three, (c) => c.writeUInt16LE(60000, entry + 30)),
        'bad-archive',
        /passes the end of the directory/,
        entry,
      ],
      [
        'a record that passes the end of the file',
        changed(three, (c) => c.writeUInt32LE(2 ** 31, entry + 42)),
        'bad-archive',
        /'r\/data.pkl'.*passes the end/,
        entry,
      ],
      [
        'a stored record of two sizes',
        changed(three, (c) => c.writeUInt32LE(5, entry + 24)),
        'bad-archive',
        /has 5 bytes by one number and 6/,
        entry,
      ],
      [
        'zip64 numbers that are not there',
        changed(three, (c) => c.writeUInt32LE(0xffffffff, entry + 42)),
        'bad-archive',
        /zip64 numbers are missing/,
        entry,
      ],
      [
        'a locator that points past the end',
        changed(torch, (c) => c.writeUInt32LE(2 ** 31, find(c, LOCATOR) + 12)),
        'bad-archive',
        /zip64 locator/,
        find(torch, LOCATOR),
      ],
      [
        'a zip64 record that is too short',
        changed(torch, (c) => c.writeUInt32LE(43, find(c, ZIP64_END) + 4)),
        'bad-archive',
        /declares a length of 43/,
        find(torch, ZIP64_END),
      ],
      [
        'an impossible number of entries in the zip64 record',
        changed(torch, (c) => {
          c.writeUInt32LE(256, find(c, ZIP64_END) + 28);
          c.writeUInt32LE(256, find(c, ZIP64_END) + 36);
        }),
        'bad-archive',
        /declares 109951162\d+ entries/,
      ],
    ];
    it.each(cases)('%s', async (_what, source, code, message, offset) => {
      const error = await readDirectory(source).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ name: 'UnreadableError', code, message: expect.stringMatching(message) });
      if (offset !== undefined) expect(error).toMatchObject({ offset });
    });

    it('any cut of a file, without hanging or crashing', async () => {
      for (let length = 0; length < torch.length; length++) {
        await expect(readDirectory(new MemorySource(torch.subarray(0, length)))).rejects.toMatchObject({
          name: 'UnreadableError',
        });
      }
    });
  });
});
