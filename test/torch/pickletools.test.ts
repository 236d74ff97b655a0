import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { decodePickle } from '../../src/pickle/decoder.ts';
import { disassemble, type Instruction } from '../../src/pickle/disassembler.ts';
import { PickleFault, type PickleTrace } from '../../src/pickle/trace.ts';
import { callableName } from '../../src/pickle/values.ts';
import { mutate } from '../fuzz/mutate.ts';
import { Random } from '../fuzz/random.ts';
import { makeStream } from '../fuzz/streams.ts';
import { pythonWithTorch } from './torch.ts';

interface Told {
  readonly opcodes: readonly (readonly [number, string, unknown])[];
  /** Why pickletools gave up. */
  readonly broken: string | null;
  readonly events: readonly (readonly ['import' | 'call', string])[];
  /** Why the unpickler gave up. */
  readonly failed: string | null;
}

const STREAMS = 5000;
const JUDGE = fileURLToPath(new URL('./pickletools_judge.py', import.meta.url));

const streams = Array.from({ length: STREAMS }, (_, seed) => {
  const random = new Random(seed);
  const pieces = makeStream(random);
  return Buffer.concat(seed % 2 === 0 ? pieces : mutate(pieces, random));
});

function ask(): Told[] {
  const input = streams.map((bytes) => bytes.toString('base64')).join('\n');
  const { stdout, stderr, status } = spawnSync(pythonWithTorch(), [JUDGE], {
    input: `${input}\n`,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function listing(bytes: Uint8Array): Promise<{ all: Instruction[]; broken: boolean }> {
  const all: Instruction[] = [];
  try {
    for await (const batch of disassemble(new MemorySource(bytes))) all.push(...batch);
  } catch {
    return { all, broken: true };
  }
  return { all, broken: false };
}

/** The argument where both read it to the end: pickletools reads text as Python would, and here it stays as it is. */
function comparable({ argument, length }: Instruction, theirs: unknown): unknown {
  if (argument === undefined) return null;
  if (length !== undefined) return theirs;
  if (typeof argument === 'bigint') return { int: String(argument) };
  if (typeof argument === 'number') {
    if (theirs !== null && typeof theirs === 'object' && 'float' in theirs) return theirs;
    return { int: String(argument) };
  }
  if (typeof argument === 'string') return theirs;
  const hex = Buffer.from(argument).toString('hex');
  return theirs !== null && typeof theirs === 'object' && 'text' in theirs ? { text: hex } : { bytes: hex };
}

async function traceOf(bytes: Uint8Array): Promise<{ trace: PickleTrace | undefined; broken: boolean }> {
  try {
    return { trace: (await decodePickle(new MemorySource(bytes))).trace, broken: false };
  } catch (error) {
    if (!(error instanceof PickleFault)) throw error;
    return { trace: error.traces[0]?.trace, broken: true };
  }
}

describe(`${STREAMS} made streams, half of them spoilt`, async () => {
  const told = ask();

  it('are listed opcode by opcode as pickletools lists them', async () => {
    let whole = 0;
    for (const [seed, bytes] of streams.entries()) {
      const { opcodes, broken } = told[seed] as Told;
      const mine = await listing(bytes);
      // pickletools reads each argument, and gives up at one that Python could not read; here the listing goes on
      const shared = mine.all.slice(0, opcodes.length);
      const theirs = opcodes.map(([offset, name, argument]) => ({ offset, name, argument }));
      expect(
        shared.map((each, index) => ({
          offset: each.offset,
          name: each.name,
          argument: comparable(each, theirs[index]?.argument),
        })),
        `seed ${seed}`,
      ).toEqual(theirs);
      if (broken !== null) continue;
      whole++;
      expect(mine, `seed ${seed}`).toMatchObject({ broken: false });
      expect(mine.all, `seed ${seed}`).toHaveLength(opcodes.length);
    }
    expect(whole).toBeGreaterThan(STREAMS / 2);
  });

  it('do what the unpickler does, import by import and call by call', async () => {
    let whole = 0;
    for (const [seed, bytes] of streams.entries()) {
      const { events, failed } = told[seed] as Told;
      const { trace, broken } = await traceOf(bytes);
      const imports = (trace?.globals ?? []).map(({ module, name }) => `${module}.${name}`);
      const calls = (trace?.calls ?? []).map((call) => callableName(call));
      const theirs = (kind: string) => events.filter(([each]) => each === kind).map(([, name]) => name);
      if (failed === null && !broken) {
        whole++;
        expect(imports, `seed ${seed}`).toEqual(theirs('import'));
        expect(calls, `seed ${seed}`).toEqual(theirs('call'));
      } else {
        // whoever gives up first has done no less than the other by then
        const count = Math.min(imports.length, theirs('import').length);
        expect(imports.slice(0, count), `seed ${seed}`).toEqual(theirs('import').slice(0, count));
        // what Python did before it failed was seen, unless the stream was given up earlier for what Python lets pass
        if (failed !== null && !broken)
          expect(calls.length, `seed ${seed}`).toBeGreaterThanOrEqual(theirs('call').length);
      }
    }
    expect(whole).toBeGreaterThan(STREAMS / 4);
  });
});
