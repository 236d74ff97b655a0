import { describe, expect, it } from 'vitest';
import { MemorySource } from '../src/io/byte-source.ts';
import { decodePickle } from '../src/pickle/decoder.ts';
import { encodePickle } from '../src/pickle/encoder.ts';
import type { Value } from '../src/pickle/values.ts';
import type { Fixture, RuleCases } from './diagnose/cases.ts';
import { nameOf } from './diagnose/fixtures.ts';
import { GLOBAL_CASES } from './diagnose/global-cases.ts';
import { MADE_CASES } from './diagnose/made-cases.ts';
import { SAFETY_CASES } from './diagnose/safety-cases.ts';
import { Random } from './fuzz/random.ts';
import { makeStream } from './fuzz/streams.ts';
import { type Verdict, verdictOf } from './fuzz/verdict.ts';
import { archive, type Make, type Making, PLAINLY, TRICKS } from './support/hostile-tricks.ts';
import { type MadeRecord, madeZip } from './support/made-zip.ts';
import { bytesOf, REWRITINGS, readInstructions, rewritePickles } from './support/pickle-rewriter.ts';
import { checkpointPickle } from './support/pickle-stream.ts';

type Cases = readonly (readonly [name: string, make: Make])[];

/** Streams that the rules about safety speak of, by themselves in an archive. */
const STREAMS: Cases = fixturesOf(SAFETY_CASES).flatMap(([name, fixture]) =>
  'pickle' in fixture && fixture.pickle ? [[name, archive(fixture.pickle)] as const] : [],
);
/** Values of the rules about names and about what no honest program makes, each as the pickle of an archive. */
const VALUES: Cases = fixturesOf({ ...GLOBAL_CASES, ...MADE_CASES }).flatMap(([name, fixture]) =>
  'build' in fixture && !fixture.pickle ? [[name, archive(pickleOf(fixture.build().root))] as const] : [],
);
/** Archives that are hostile by what they hold beside a pickle. */
const FILES: Cases = fixturesOf(MADE_CASES).flatMap(([name, fixture]) =>
  'make' in fixture && fixture.make ? [[name, fixture.make] as const] : [],
);
const CASES: Cases = [
  ...TRICKS.map(([name, make]) => [name, make] as const),
  ...STREAMS,
  ...VALUES,
  ...FILES,
  // of the generator for fuzzing: more shapes than anyone thinks of
  ...Array.from(
    { length: 120 },
    (_, seed) => [`stream of seed ${seed}`, archive(Buffer.concat(makeStream(new Random(seed))))] as const,
  ),
];

/** Each once: some are the quiet case of many rules. */
function fixturesOf(cases: Readonly<Record<string, RuleCases>>): (readonly [name: string, Fixture])[] {
  const names = new Map<Fixture, string>();
  for (const [rule, { triggers, quiet }] of Object.entries(cases))
    for (const fixture of [...triggers, ...quiet])
      if (!names.has(fixture)) names.set(fixture, `${rule}: ${nameOf(fixture)}`);
  return [...names].map(([fixture, name]) => [name, fixture]);
}

function pickleOf(root: Value): Buffer {
  // no range of a file among them: none was read from one
  return Buffer.concat(encodePickle(root).content as Uint8Array[]);
}

interface Case {
  readonly name: string;
  readonly make: Make;
  readonly plain: Verdict;
}

/** Those that are a danger as they are, and the values of which anything else is said, with what that is. */
const hostile: Case[] = [];
const odd: Case[] = [];
const values = new Set(VALUES.map(([name]) => name));
for (const [name, make] of CASES) {
  const plain = await verdictOf(make(PLAINLY));
  if (plain.verdict === 'danger') hostile.push({ name, make, plain });
  else if (values.has(name) && plain.verdict !== 'clean') odd.push({ name, make, plain });
}

const safetyOf = ({ rules }: Verdict): string[] => rules.filter((rule) => rule.startsWith('safety/'));

/** A file made in another way is the danger that it is as it stands, for the same reasons. */
async function expectSame({ name, make, plain }: Case, making: Making): Promise<void> {
  const other = await verdictOf(make(making));
  expect({ name, verdict: other.verdict, safety: safetyOf(other) }).toEqual({
    name,
    verdict: 'danger',
    safety: safetyOf(plain),
  });
}

/** What is said of the opcodes themselves, and of where a storage begins behind so many of them. */
const OF_THE_OPCODES = ['pickle/protocol', 'compat/mmap'];

const otherRules = ({ rules }: Verdict): string[] => rules.filter((rule) => !OF_THE_OPCODES.includes(rule));

describe('a hostile file', () => {
  it('is most of those that are made here', () => {
    const names = new Set(hostile.map(({ name }) => name));
    const howMany = (cases: Cases) => cases.filter(([name]) => names.has(name)).length;
    expect(howMany(STREAMS)).toBeGreaterThan(10);
    expect(howMany(VALUES)).toBeGreaterThan(3);
    expect(howMany(FILES)).toBe(FILES.length);
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

describe('a file of which something else is said', () => {
  it('is most of the values that are made here', () => {
    expect(odd.length).toBeGreaterThan(VALUES.length / 2);
  });

  it.each(Object.entries(REWRITINGS))('is judged the same, said with %s', async (_how, rewriting) => {
    for (const [seed, { name, make, plain }] of odd.entries()) {
      const random = new Random(seed);
      const other = await verdictOf(
        make({ ...PLAINLY, say: (pickle) => rewritePickles(pickle, rewriting, random) }),
      );
      expect({ name, verdict: other.verdict, rules: otherRules(other) }).toEqual({
        name,
        verdict: plain.verdict,
        rules: otherRules(plain),
      });
    }
  });
});

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
