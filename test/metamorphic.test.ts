import { describe, expect, it } from 'vitest';
import { MemorySource } from '../src/io/byte-source.ts';
import { decodePickle } from '../src/pickle/decoder.ts';
import { SAFETY_CASES } from './diagnose/safety-cases.ts';
import { Random } from './fuzz/random.ts';
import { makeStream } from './fuzz/streams.ts';
import { type Verdict, verdictOf } from './fuzz/verdict.ts';
import { type Making, PLAINLY, TRICKS } from './support/hostile-tricks.ts';
import { checkpointRecords, type MadeRecord, madeZip } from './support/made-zip.ts';
import { bytesOf, REWRITINGS, readInstructions, rewritePickles } from './support/pickle-rewriter.ts';
import { checkpointPickle } from './support/pickle-stream.ts';

type Make = (making: Making) => Buffer;

function inArchive(pickle: Buffer): Make {
  return ({ say, zip }) => zip(checkpointRecords(say(pickle)));
}

/** Streams that the rules about safety speak of, by themselves in an archive. */
const STREAMS = Object.entries(SAFETY_CASES).flatMap(([rule, { triggers }]) =>
  triggers.flatMap((each) =>
    'pickle' in each && each.pickle ? [[`${rule}: ${each.name}`, inArchive(each.pickle)] as const] : [],
  ),
);
const CASES: readonly (readonly [name: string, make: Make])[] = [
  ...TRICKS.map(([name, make]) => [name, make] as const),
  ...STREAMS,
  // of the generator for fuzzing: more shapes than anyone thinks of
  ...Array.from(
    { length: 120 },
    (_, seed) => [`stream of seed ${seed}`, inArchive(Buffer.concat(makeStream(new Random(seed))))] as const,
  ),
];

interface HostileCase {
  readonly name: string;
  readonly make: Make;
  readonly plain: Verdict;
}

/** Those that are a danger as they are, with what is said of them. */
const hostile: HostileCase[] = [];
for (const [name, make] of CASES) {
  const plain = await verdictOf(make(PLAINLY));
  if (plain.verdict === 'danger') hostile.push({ name, make, plain });
}

const safetyOf = ({ rules }: Verdict): string[] => rules.filter((rule) => rule.startsWith('safety/'));

/** A file made in another way is the danger that it is as it stands, for the same reasons. */
async function expectSame({ name, make, plain }: HostileCase, making: Making): Promise<void> {
  const other = await verdictOf(make(making));
  expect({ name, verdict: other.verdict, safety: safetyOf(other) }).toEqual({
    name,
    verdict: 'danger',
    safety: safetyOf(plain),
  });
}

describe('a hostile file', () => {
  it('is most of those that are made here', () => {
    expect(hostile.length).toBeGreaterThan(TRICKS.length + STREAMS.length);
  });

  it.each(Object.entries(REWRITINGS))('stays one, said with %s', async (_how, rewriting) => {
    for (const [seed, each] of hostile.entries()) {
      const random = new Random(seed);
      await expectSame(each, { ...PLAINLY, say: (pickle) => rewritePickles(pickle, rewriting, random) });
    }
  });

  it('stays one with its records in another order', async () => {
    for (const [seed, each] of hostile.entries()) {
      const random = new Random(seed);
      const zip: Making['zip'] = (records, options) => madeZip(shuffled(records, random), options);
      for (let order = 0; order < 3; order++) await expectSame(each, { ...PLAINLY, zip });
    }
  });
});

function shuffled(records: readonly MadeRecord[], random: Random): MadeRecord[] {
  const left = [...records];
  return records.map(() => left.splice(random.below(left.length), 1)[0] as MadeRecord);
}

describe('the rewriter', () => {
  const streams = Array.from({ length: 100 }, (_, seed) => Buffer.concat(makeStream(new Random(seed))));

  it('takes streams apart without losing a byte', () => {
    for (const bytes of [...streams, checkpointPickle()]) {
      const { instructions, end } = readInstructions(bytes);
      expect(end).toBe(bytes.length);
      expect(bytesOf(instructions).equals(bytes)).toBe(true);
    }
  });

  it.each(Object.entries(REWRITINGS))(
    'says streams otherwise, and nothing else, with %s',
    async (_how, rewriting) => {
      let changed = 0;
      for (const [seed, bytes] of streams.entries()) {
        const rewritten = rewritePickles(bytes, rewriting, new Random(seed));
        if (!rewritten.equals(bytes)) changed++;
        expect(await namesOf(rewritten)).toEqual(await namesOf(bytes));
      }
      expect(changed).toBeGreaterThan(20);
    },
  );
});

/** What a stream imports and keeps outside, in its order; the fault of one that breaks. */
async function namesOf(bytes: Buffer): Promise<unknown> {
  try {
    const { globals, persistents, value } = await decodePickle(new MemorySource(bytes));
    return [globals.map(({ module, name }) => `${module}.${name}`), persistents.length, typeof value];
  } catch (error) {
    return (error as { code?: string }).code;
  }
}
