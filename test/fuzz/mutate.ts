import type { Random } from './random.ts';

type Mutator = (pieces: Buffer[], random: Random) => void;

/** Values at which lengths, counts and indexes go wrong. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

function change(pieces: Buffer[], random: Random, work: (bytes: Buffer) => Buffer): void {
  const index = random.below(pieces.length);
  pieces[index] = work(Buffer.from(pieces[index] as Buffer));
}

/** The seven ways to spoil a stream that pickle-fuzzer has: each piece is an opcode with its argument. */
export const MUTATORS: Readonly<Record<string, Mutator>> = {
  'bit-flip': (pieces, random) =>
    change(pieces, random, (bytes) => {
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    }),
  boundary: (pieces, random) =>
    change(pieces, random, (bytes) => {
      const edge = random.pick(EDGES);
      if (bytes.length >= 5) bytes.writeUInt32LE(edge >>> 0, 1);
      else if (bytes.length >= 2) bytes[1] = edge & 255;
      return bytes;
    }),
  'off-by-one': (pieces, random) =>
    change(pieces, random, (bytes) => {
      if (bytes.length < 2) return bytes;
      bytes[1] = ((bytes[1] as number) + random.pick([1, 255])) & 255;
      return bytes;
    }),
  'string-length': (pieces, random) =>
    change(pieces, random, (bytes) =>
      random.chance(0.5) ? bytes.subarray(0, bytes.length - 1) : Buffer.concat([bytes, random.bytes(1)]),
    ),
  character: (pieces, random) =>
    change(pieces, random, (bytes) => {
      if (bytes.length < 2) return bytes;
      bytes[1 + random.below(bytes.length - 1)] = random.pick([0, 10, 13, 34, 39, 46, 92, 0x80, 0xc3, 0xff]);
      return bytes;
    }),
  'memo-index': (pieces, random) => {
    const index = random.below(pieces.length + 1);
    const slot = random.pick(EDGES);
    const long = Buffer.from([random.pick([0x6a, 0x72]), 0, 0, 0, 0]);
    long.writeUInt32LE(slot >>> 0, 1);
    pieces.splice(index, 0, random.chance(0.5) ? long : Buffer.from(`${random.pick(['g', 'p'])}${slot}\n`));
  },
  'type-confusion': (pieces, random) => {
    const index = random.below(pieces.length);
    if (random.chance(0.5)) pieces[index] = Buffer.from(random.pick(pieces));
    else pieces.splice(index, random.chance(0.5) ? 1 : 0, Buffer.from(random.pick(pieces)));
  },
};

/** Spoils a stream a few times. */
export function mutate(pieces: readonly Buffer[], random: Random): Buffer[] {
  const spoiled = [...pieces];
  const names = Object.keys(MUTATORS);
  for (let times = 1 + random.below(3); times > 0; times--)
    if (spoiled.length > 0) MUTATORS[random.pick(names)]?.(spoiled, random);
  return spoiled;
}
