import { readFileSync } from 'node:fs';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { makeStream } from './streams.ts';
import { makeZip, spoilZip } from './zips.ts';

/** Something to read, and what it has to come to. */
export interface Input {
  /** Words that make it again, with the seed. */
  readonly name: string;
  readonly bytes: Buffer;
  /** The archive that this is a changed copy of: what is called clean has to list what that one lists. */
  readonly original?: Buffer;
}

/** Small files of each container. */
export const FIXTURES = [
  'fixtures/clean/alignment_16.pth',
  'fixtures/legacy/views.pth',
  'fixtures/tar/state_dict.tar',
  'fixtures/containers/traced.pt',
  'fixtures/containers/dtypes.safetensors',
  'fixtures/pickle/views.pkl',
];

export function readFixtures(): readonly { file: string; bytes: Buffer }[] {
  return FIXTURES.map((file) => ({ file, bytes: readFileSync(file) }));
}

type Fixtures = ReturnType<typeof readFixtures>;

/** Every beginning of every fixture, in an order that comes to all of them evenly. */
export function* truncations(fixtures: Fixtures): Generator<Input> {
  const longest = Math.max(...fixtures.map(({ bytes }) => bytes.length));
  for (let length = 0; length < longest; length++)
    for (const { file, bytes } of fixtures)
      if (length < bytes.length) yield { name: `${file} cut at ${length}`, bytes: bytes.subarray(0, length) };
}

/** The input of a number: the same for the same seed. */
export function inputOf(seed: number, fixtures: Fixtures): Input {
  const random = new Random(seed);
  const kind = random.pick(['stream', 'mutant', 'zip', 'fields', 'flip'] as const);
  const named = (bytes: Buffer): Input => ({ name: `${kind} of seed ${seed}`, bytes });
  switch (kind) {
    case 'stream':
      return named(Buffer.concat(makeStream(random)));
    case 'mutant':
      return named(Buffer.concat(mutate(makeStream(random), random)));
    case 'zip':
      return named(
        makeZip(
          Buffer.concat(random.chance(0.5) ? makeStream(random) : mutate(makeStream(random), random)),
          random,
        ),
      );
    case 'fields': {
      const archives = fixtures.filter(({ bytes }) => bytes.readUInt16LE(0) === 0x4b50);
      return named(
        spoilZip(
          random.chance(0.5)
            ? random.pick(archives).bytes
            : makeZip(Buffer.concat(makeStream(random)), random),
          random,
        ),
      );
    }
    default: {
      const { file, bytes } = random.pick(fixtures);
      const changed = Buffer.from(bytes);
      const at = random.below(changed.length);
      changed[at] = (changed[at] as number) ^ (1 << random.below(8));
      return {
        name: `${file} with a bit flipped at ${at} (seed ${seed})`,
        bytes: changed,
        // only an archive has checksums
        ...(file.endsWith('.pth') && bytes.readUInt16LE(0) === 0x4b50 && { original: bytes }),
      };
    }
  }
}
