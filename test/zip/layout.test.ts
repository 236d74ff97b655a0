import { describe, expect, it } from 'vitest';
import { MemorySource, type SourceRange } from '../../src/io/byte-source.ts';
import { RefusedError } from '../../src/io/errors.ts';
import { layoutArchive, type OutputRecord } from '../../src/zip/layout.ts';
import { record } from './archives.ts';

/** A record whose bytes nobody reads. */
function sized(name: string, size: number): OutputRecord {
  const range: SourceRange = { source: new MemorySource(new Uint8Array()), offset: 0, length: size };
  return { name, content: size === 0 ? [] : [range], size };
}

/** Names, sizes and header offsets of archives that torch 2.13 wrote (with `skip_data`), and what their end records say. */
const WRITTEN_BY_TORCH = {
  'one storage of 5 GiB, and an empty one': {
    root: 'z5',
    records: [
      ['data.pkl', 283, 0],
      ['.format_version', 1, 363],
      ['.storage_alignment', 2, 465],
      ['byteorder', 6, 594],
      ['data/0', 5368709120, 662],
      ['data/1', 40, 5368709912],
      ['data/2', 0, 5368710080],
      ['version', 2, 5368710144],
      ['.data/serialization_id', 40, 5368710234],
    ],
    directory: [5368710400, 606, 5368711104],
  },
  'a storage of 2^32 - 1 bytes, the smallest that needs zip64': {
    root: 'zm1',
    records: [
      ['data.pkl', 249, 0],
      ['.format_version', 1, 329],
      ['.storage_alignment', 2, 401],
      ['byteorder', 6, 530],
      ['data/0', 4294967295, 662],
      ['data/1', 40, 4294968087],
      ['version', 2, 4294968256],
      ['.data/serialization_id', 40, 4294968346],
    ],
    directory: [4294968512, 547, 4294969157],
  },
  'a storage of 2^32 - 2 bytes, the largest that does not': {
    root: 'zm2',
    records: [
      ['data.pkl', 249, 0],
      ['.format_version', 1, 329],
      ['.storage_alignment', 2, 401],
      ['byteorder', 6, 530],
      ['data/0', 4294967294, 662],
      ['data/1', 40, 4294968078],
      ['version', 2, 4294968256],
      ['.data/serialization_id', 40, 4294968346],
    ],
    directory: [4294968512, 527, 4294969137],
  },
  'storages of 3, 3 and 4 GiB': {
    root: 'z33',
    records: [
      ['data.pkl', 306, 0],
      ['.format_version', 1, 386],
      ['.storage_alignment', 2, 465],
      ['byteorder', 6, 594],
      ['data/0', 3221225472, 726],
      ['data/1', 3221225472, 3221226320],
      ['data/2', 4294967301, 6442451856],
      ['version', 2, 10737419293],
      ['.data/serialization_id', 40, 10737419418],
    ],
    directory: [10737419584, 599, 10737420281],
  },
} as const;

describe('layoutArchive', () => {
  it.each(Object.entries(WRITTEN_BY_TORCH))(
    'puts everything where torch does: %s',
    (_what, { root, records, directory }) => {
      const layout = layoutArchive(
        root,
        records.map(([name, size]) => sized(name, size)),
      );
      expect(Array.from(layout.headerOffsets)).toEqual(records.map(([, , offset]) => offset));
      expect([layout.directoryOffset, layout.directorySize, layout.size]).toEqual(directory);
      expect(Array.from(layout.dataOffsets).filter((offset) => offset % 64 !== 0)).toEqual([]);
    },
  );

  it('aligns to what it is told', () => {
    const layout = layoutArchive('r', [sized('a', 3), sized('b', 70_000), sized('c', 0)], {
      alignment: 65536,
    });
    expect(Array.from(layout.dataOffsets)).toEqual([65536, 131072, 262144]);
    expect(Array.from(layoutArchive('r', [sized('a', 3)], { alignment: 1 }).dataOffsets)).toEqual([
      30 + 3 + 4,
    ]);
  });

  it('counts the bytes of a name, not its characters', () => {
    const plain = layoutArchive('r', [sized('eeee', 3)], { alignment: 1 });
    const accents = layoutArchive('r', [sized('éééé', 3)], { alignment: 1 });
    expect(accents.size - plain.size).toBe(8);
  });

  it('refuses what the format or its readers can not hold', () => {
    expect(() => layoutArchive('r', [sized('a', 1), sized('a', 2)])).toThrow(
      /two records would be named 'a'/,
    );
    expect(() => layoutArchive('r', [sized('n'.repeat(65534), 1)])).toThrow(RefusedError);
    expect(() => layoutArchive('r', [sized('n'.repeat(65533), 1)])).not.toThrow();
    for (const alignment of [0, 131072, 1.5, Number.NaN]) {
      expect(() => layoutArchive('r', [], { alignment })).toThrow(RefusedError);
    }
  });

  it('takes a record whose segments do not add up for a defect of the caller', () => {
    expect(() => layoutArchive('r', [{ ...record('a', Buffer.alloc(4)), size: 5 }])).toThrow(RangeError);
  });
});
