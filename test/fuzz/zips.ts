import { deflateRawSync } from 'node:zlib';
import { type MadeRecord, madeZip } from '../support/made-zip.ts';
import type { Random } from './random.ts';

const NAMES = [
  'archive/data.pkl',
  'archive/data/0',
  'archive/data/1',
  'archive/version',
  'archive/byteorder',
  'x/y',
  '../z',
];

/** An archive around a pickle, with some of what an archive can have. */
export function makeZip(pickle: Buffer, random: Random): Buffer {
  const records: MadeRecord[] = [{ name: 'archive/data.pkl', content: pickle }];
  for (let count = random.below(5); count > 0; count--) {
    const content = random.bytes(random.pick([0, 1, 8, 24, 64]));
    const deflated = random.chance(0.2);
    records.push({
      name: random.pick(NAMES),
      content: deflated ? deflateRawSync(content) : content,
      ...(deflated && { method: 8, size: content.length }),
      ...(random.chance(0.1) && { flags: random.pick([1, 8, 0x20, 0x40, 0x800, 0x2000]) }),
      ...(random.chance(0.1) && { mode: random.pick([0o120777, 0o100644, 0o40755]) }),
      ...(random.chance(0.1) && { hidden: true }),
      ...(random.chance(0.1) && { localName: 'archive/other' }),
    });
  }
  records.push({ name: 'archive/version', content: Buffer.from('3\n') });
  return madeZip(records, {
    ...(random.chance(0.2) && { comment: random.bytes(random.below(30)) }),
    ...(random.chance(0.2) && { trailer: random.bytes(random.below(30)) }),
    ...(random.chance(0.2) && { gap: random.bytes(random.below(30)) }),
  });
}

/** Offsets and widths of the numbers in the structures of an archive, by their signature. */
const FIELDS: readonly (readonly [
  signature: number,
  fields: readonly (readonly [at: number, width: number])[],
])[] = [
  [
    0x04034b50,
    [
      [6, 2],
      [8, 2],
      [14, 4],
      [18, 4],
      [22, 4],
      [26, 2],
      [28, 2],
    ],
  ],
  [
    0x02014b50,
    [
      [8, 2],
      [10, 2],
      [16, 4],
      [20, 4],
      [24, 4],
      [28, 2],
      [30, 2],
      [32, 2],
      [34, 2],
      [38, 4],
      [42, 4],
    ],
  ],
  [
    0x06054b50,
    [
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 4],
      [20, 2],
    ],
  ],
  [
    0x06064b50,
    [
      [4, 4],
      [16, 4],
      [20, 4],
      [24, 4],
      [32, 4],
      [36, 4],
      [40, 4],
      [44, 4],
      [48, 4],
      [52, 4],
    ],
  ],
  [
    0x07064b50,
    [
      [4, 4],
      [8, 4],
      [12, 4],
      [16, 4],
    ],
  ],
];

/** Sets numbers of an archive to what programs trip over: 0, 1, the most, and the size of the file, one more and one less. */
export function spoilZip(archive: Uint8Array, random: Random): Buffer {
  const bytes = Buffer.from(archive);
  const places: [number, number][] = [];
  for (const [signature, fields] of FIELDS) {
    const mark = Buffer.alloc(4);
    mark.writeUInt32LE(signature);
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1))
      for (const [offset, width] of fields)
        if (at + offset + width <= bytes.length) places.push([at + offset, width]);
  }
  for (let times = 1 + random.below(3); times > 0 && places.length > 0; times--) {
    const [at, width] = random.pick(places);
    const most = 2 ** (8 * width) - 1;
    const value = random.pick([0, 1, most, most - 1, bytes.length, bytes.length + 1, bytes.length - 1]);
    bytes.writeUIntLE(Math.min(value, most), at, width);
  }
  return bytes;
}
