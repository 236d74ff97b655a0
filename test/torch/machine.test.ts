import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { decodePickle } from '../../src/pickle/decoder.ts';
import { eachCall } from '../../src/pickle/tensor-call.ts';
import { PickleFault, type PickleTrace } from '../../src/pickle/trace.ts';
import { callableName } from '../../src/pickle/values.ts';
import { pythonWithTorch } from './torch.ts';

// Holds what our machine says that pickles do against what another one says, where this computer has that machine and a corpus of real,
// damaged and hostile files (CKPT_DOCTOR_ORACLE names the folder; ../shared beside the repository by default): in it `oracle/refmachine.py`
// (`find_pkl(bytes)` and `run(bytes, offset)`), `corpus/files` and `hostile/files`. Nothing in the files is unpickled.
const shared = resolve(process.env.CKPT_DOCTOR_ORACLE ?? '../shared');
const MACHINE = join(shared, 'oracle/refmachine.py');
const JUDGE = fileURLToPath(new URL('./machine_judge.py', import.meta.url));
const FOLDERS = ['corpus/files', 'hostile/files'].map((folder) => join(shared, folder));
const isThere = existsSync(MACHINE) && FOLDERS.every((folder) => existsSync(folder));

/** Which files are looked at: all take minutes, and are for CKPT_DOCTOR_ORACLE_EVERY=1. */
const EVERY = Number(process.env.CKPT_DOCTOR_ORACLE_EVERY ?? 20);
/** Bytes; the few files beyond are floods of one opcode. */
const LARGEST = 16 * 2 ** 20;

/** What a pickle would import and call, in order, and how far it goes. */
interface Deeds {
  /** Each name once. */
  readonly imports: readonly string[];
  readonly calls: readonly string[];
  readonly isBroken: boolean;
  /** Opcodes and bytes; of a whole pickle. */
  readonly opcodes?: number;
  readonly end?: number;
}

interface Run {
  readonly start: number;
  readonly globals: readonly (readonly [string, string])[];
  readonly calls: readonly string[];
  readonly error: string | null;
  readonly end: number;
  readonly ops: number;
}

interface Told {
  /** In base64, where the pickle does not stand in the file as it is. */
  readonly inflated: string | null;
  readonly runs: readonly Run[];
}

/** Where the two differ, and why it is right that they do. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'ext1.pth': 'an extension code has no name here: it is an oddity of its own',
  'next_buffer.pth': 'a buffer beside the stream is read as what it is, and the other machine gives up',
  'memo_index_text_huge.pth': 'a memo index of 30 digits is refused here, as by the C unpickler',
};

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).size <= LARGEST)
    .sort();
}

function ask(files: readonly string[]): Told[] {
  const { stdout, stderr, status } = spawnSync(pythonWithTorch(), [JUDGE, MACHINE], {
    input: `${files.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 2 ** 29,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function theirs({ globals, calls, error, ops, end }: Run): Deeds {
  const imports = [...new Set(globals.map((global) => global.join('.')))];
  return { imports, calls, isBroken: error !== null, ...(error === null && { opcodes: ops, end }) };
}

async function ours(bytes: Uint8Array, start: number): Promise<Deeds> {
  const deeds = ({ globals, calls }: PickleTrace) => ({
    imports: globals.map(({ module, name }) => `${module}.${name}`),
    calls: [...eachCall(calls)].map((call) => callName(callableName(call))),
  });
  try {
    const { trace, opcodes, length } = await decodePickle(new MemorySource(bytes), start);
    const count = opcodes.reduce((sum, each) => sum + each, 0);
    return { ...deeds(trace), isBroken: false, opcodes: count, end: start + length };
  } catch (error) {
    if (!(error instanceof PickleFault && error.traces[0])) throw error;
    return { ...deeds(error.traces[0].trace), isBroken: true };
  }
}

const callName = (name: string | undefined): string => name ?? '<value>';

describe.skipIf(!isThere)('the pickles of real, damaged and hostile files', () => {
  it('do here what they do in another machine, import by import and call by call', async () => {
    const files = FOLDERS.flatMap(filesIn).filter((_, index) => index % EVERY === 0);
    const told = ask(files);
    const differing = new Set<string>();
    let pickles = 0;
    let limited = 0;
    for (const [index, file] of files.entries()) {
      const { inflated, runs } = told[index] as Told;
      const bytes = inflated === null ? readFileSync(file) : Buffer.from(inflated, 'base64');
      const name = basename(file);
      for (const run of runs) {
        pickles++;
        const mine = await ours(bytes, run.start);
        if (run.error?.startsWith('limit: ')) {
          limited++;
          const { imports, calls } = theirs(run);
          expect(mine.imports.slice(0, imports.length), file).toEqual(imports);
          expect(mine.calls.slice(0, calls.length), file).toEqual(calls);
        } else if (name in EXPLAINED) {
          if (JSON.stringify(mine) !== JSON.stringify(theirs(run))) differing.add(name);
        } else expect(mine, `${relative(shared, file)} from byte ${run.start} on`).toEqual(theirs(run));
      }
    }
    expect(pickles).toBeGreaterThanOrEqual(files.length);
    expect(limited).toBeLessThan(pickles / 10);
    // what is explained and does not differ any more is to be struck off
    const explained = files.map((file) => basename(file)).filter((name) => name in EXPLAINED);
    expect([...differing].sort()).toEqual(explained.sort());
  }, 600_000);
});
