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
      [4, 8],
      [16, 4],
      [20, 4],
      [24, 8],
      [32, 8],
      [40, 8],
      [48, 8],
    ],
  ],
  [
    0x07064b50,
    [
      [4, 4],
      [8, 8],
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
  places.push(...extraFields(bytes));
  for (let times = 1 + random.below(3); times > 0 && places.length > 0; times--) {
    const [at, width] = random.pick(places);
    const most = 2n ** BigInt(8 * width) - 1n;
    const size = BigInt(bytes.length);
    const value = random.pick([0n, 1n, most, most - 1n, size, size + 1n, size - 1n]);
    for (let byte = 0, rest = value & most; byte < width; byte++, rest >>= 8n)
      bytes[at + byte] = Number(rest & 0xffn);
  }
  return bytes;
}

/** The sizes and offsets of 64 bits that stand in the extra fields of the directory. */
function extraFields(bytes: Buffer): [number, number][] {
  const places: [number, number][] = [];
  for (let at = bytes.indexOf('PK\x01\x02'); at >= 0; at = bytes.indexOf('PK\x01\x02', at + 1)) {
    if (at + 46 > bytes.length) break;
    const start = at + 46 + bytes.readUInt16LE(at + 28);
    const end = Math.min(start + bytes.readUInt16LE(at + 30), bytes.length);
    for (let field = start; field + 4 <= end; ) {
      const length = bytes.readUInt16LE(field + 2);
      places.push([field, 2], [field + 2, 2]);
      if (bytes.readUInt16LE(field) === 1)
        for (let number = field + 4; number + 8 <= Math.min(field + 4 + length, end); number += 8)
          places.push([number, 8]);
      field += 4 + length;
    }
  }
  return places;
}
