import { readFileSync } from 'node:fs';
import { MemorySource } from '../../src/io/byte-source.ts';
import { disassemble } from '../../src/pickle/disassembler.ts';
import { type MadeRecord, madeZip } from '../support/made-zip.ts';
import { recordsOf } from '../support/rezip.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { makeStream } from './streams.ts';
import { makeZip, spoilZip } from './zips.ts';

/** Something to read, and what it has to come to. */
export interface Input {
  /** Words that make it again, with the seed. */
  readonly name: string;
  readonly bytes: Buffer;
  /** What this is a changed copy of: where nothing more is said of the copy than of this, it has to list what this one lists. */
  readonly original?: Buffer;
}

/** Small files of each container. */
const FIXTURES = [
  'fixtures/clean/alignment_16.pth',
  'fixtures/legacy/views.pth',
  'fixtures/tar/state_dict.tar',
  'fixtures/containers/traced.pt',
  'fixtures/containers/dtypes.safetensors',
  'fixtures/pickle/views.pkl',
];

/** Archives of torch whose pickles are spoilt where they stand among their storages. */
const CHECKPOINTS = [
  'alignment_16',
  'views',
  'sparse',
  'quantized',
  'parameters',
  'nested',
  'adam_and_scheduler',
];

/** A file of the six, and whether each byte of it is under a checksum or has to be just so. */
interface Fixture {
  readonly file: string;
  readonly bytes: Buffer;
  readonly isArchive: boolean;
}

/** An archive whose pickle is taken apart into its opcodes. */
interface Checkpoint {
  readonly pieces: readonly Buffer[];
  readonly records: readonly MadeRecord[];
}

export interface Material {
  readonly fixtures: readonly Fixture[];
  readonly checkpoints: readonly Checkpoint[];
}

export async function readMaterial(): Promise<Material> {
  const fixtures = FIXTURES.map((file) => {
    const bytes = readFileSync(file);
    return { file, bytes, isArchive: bytes.readUInt16LE(0) === 0x4b50 };
  });
  const checkpoints = await Promise.all(CHECKPOINTS.map((name) => takeApart(`fixtures/clean/${name}.pth`)));
  return { fixtures, checkpoints };
}

async function takeApart(file: string): Promise<Checkpoint> {
  const records = [...(await recordsOf(file))].map(([name, content]) => ({
    name,
    content: Buffer.from(content),
  }));
  const at = records.findIndex(({ name }) => name.endsWith('/data.pkl'));
  const [pickle] = records.splice(at, 1);
  if (!pickle) throw new Error(`${file} has no pickle`);
  const offsets: number[] = [];
  for await (const batch of disassemble(new MemorySource(pickle.content)))
    for (const { offset } of batch) offsets.push(offset);
  const pieces = offsets.map((offset, index) => pickle.content.subarray(offset, offsets[index + 1]));
  return { pieces, records };
}

/** Every beginning of every fixture, in an order that comes to all of them evenly. */
export function* truncations({ fixtures }: Material): Generator<Input> {
  const longest = Math.max(...fixtures.map(({ bytes }) => bytes.length));
  for (let length = 0; length < longest; length++)
    for (const { file, bytes } of fixtures)
      if (length < bytes.length)
        yield { name: `${file} cut at ${length}`, bytes: bytes.subarray(0, length), original: bytes };
}

/** The input of a number: the same for the same seed. */
export function inputOf(seed: number, { fixtures, checkpoints }: Material): Input {
  const random = new Random(seed);
  const kind = random.pick(['stream', 'mutant', 'zip', 'checkpoint', 'fields', 'flip'] as const);
  const name = `${kind} of seed ${seed}`;
  switch (kind) {
    case 'stream':
      return { name, bytes: Buffer.concat(makeStream(random)) };
    case 'mutant':
      return { name, bytes: Buffer.concat(mutate(makeStream(random), random)) };
    case 'zip': {
      const stream = makeStream(random);
      return {
        name,
        bytes: makeZip(Buffer.concat(random.chance(0.5) ? stream : mutate(stream, random)), random),
      };
    }
    case 'checkpoint': {
      const { pieces, records } = random.pick(checkpoints);
      const pickle = Buffer.concat(mutate(pieces, random));
      return {
        name,
        bytes: madeZip([
          { name: records[0]?.name.toString().replace(/\/.*/, '/data.pkl') ?? '', content: pickle },
          ...records,
        ]),
      };
    }
    case 'fields': {
      const original = random.chance(0.5)
        ? random.pick(fixtures.filter(({ isArchive }) => isArchive)).bytes
        : makeZip(Buffer.concat(makeStream(random)), random);
      return { name, bytes: spoilZip(original, random), original };
    }
    default: {
      const { file, bytes, isArchive } = random.pick(fixtures);
      const changed = Buffer.from(bytes);
      const at = random.below(changed.length);
      changed[at] = (changed[at] as number) ^ (1 << random.below(8));
      // only an archive has checksums
      return {
        name: `${file} with a bit flipped at ${at} (seed ${seed})`,
        bytes: changed,
        ...(isArchive && { original: bytes }),
      };
    }
  }
}
