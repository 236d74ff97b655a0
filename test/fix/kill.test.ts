import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixCheckpoint } from '../../src/fix/fix.ts';
import { encodePickle } from '../../src/pickle/encoder.ts';
import { PyDict, PyGlobal, PyObject, PyPersistent, PyTuple, type Value } from '../../src/pickle/values.ts';
import { builtBin } from '../support/built-bin.ts';
import { archiveOf, record } from '../zip/archives.ts';
import { workplace } from './workplace.ts';

/** How often a process is killed in each of the two tests; by hand 200, and of a model whose pickle takes longer to write. */
const KILLS = Number(process.env.CKPT_DOCTOR_KILLS ?? 8);
const TENSORS = process.env.CKPT_DOCTOR_KILLS ? 20_000 : 2_000;

const { folder } = workplace();
const input = path.join(folder, 'original.pth');
const model = path.join(folder, 'model.pth');
const output = path.join(folder, 'healed.pth');
const OPERATIONS = ['--map-location', 'cpu', '--add-prefix', 'net.'];
let bin = '';

interface End {
  readonly status: number | null;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** Runs the program; kills it after so many milliseconds, unless it was faster. */
function run(args: readonly string[], killAfter?: number): Promise<End> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const timer =
      killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), Math.max(0, killAfter));
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stderr, milliseconds: performance.now() - started });
    });
  });
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** So many tensors that to write the pickle takes a while, and the moment is easy to hit. */
async function manyTensors(count: number): Promise<Buffer> {
  const rebuild = new PyGlobal('torch._utils', '_rebuild_tensor_v2');
  const floats = new PyGlobal('torch', 'FloatStorage');
  const storages = 200;
  const keys: Value[] = [];
  const values: Value[] = [];
  for (let i = 0; i < count; i++) {
    const id = new PyPersistent(new PyTuple(['storage', floats, `${i % storages}`, 'cuda:0', 8192]));
    keys.push(`module.layers.${i}.weight`);
    values.push(
      new PyObject(
        'reduce',
        rebuild,
        new PyTuple([id, 0, new PyTuple([8192]), new PyTuple([1]), false, null]),
      ),
    );
  }
  const pickle = encodePickle(new PyDict(keys, values));
  const tensor = Buffer.alloc(32768, 7);
  return archiveOf('model', [
    { name: 'data.pkl', content: pickle.content, size: pickle.length },
    ...Array.from({ length: storages }, (_, i) => record(`data/${i}`, tensor)),
    record('version', Buffer.from('3\n')),
  ]);
}

let original = '';
let healed = '';
let copied = '';

beforeAll(async () => {
  bin = builtBin();
  writeFileSync(input, await manyTensors(TENSORS));
  original = sha256(input);
  copyFileSync(input, model);
  await fixCheckpoint(model, { inPlace: true, mapLocation: 'cpu', addPrefix: 'net.' });
  healed = sha256(model);
  await fixCheckpoint(input, { output, mapLocation: 'cpu', addPrefix: 'net.' });
  copied = sha256(output);
}, 180_000);

/** Moments over the whole run, most of them where it writes. */
function* moments(whole: number): Generator<number> {
  for (let i = 0; i < KILLS; i++) yield whole * (i % 4 === 0 ? Math.random() : 0.4 + 0.65 * Math.random());
}

/** What a killed run may leave beside the files, besides the files. */
function litter(): string[] {
  const known = [input, model, output].map((file) => path.basename(file));
  return readdirSync(folder).filter((name) => !known.includes(name));
}

describe('a run that is killed', () => {
  it(
    'in place: after the next command the file is the original or the healed one',
    async () => {
      copyFileSync(input, model);
      const { milliseconds } = await run(['fix', model, '--in-place', ...OPERATIONS]);
      const seen = new Map<string, number>();
      for (const moment of moments(milliseconds)) {
        copyFileSync(input, model);
        await run(['fix', model, '--in-place', ...OPERATIONS], moment);
        const isJournaled = litter().length > 0;
        const look = await run(['inspect', model]);
        if (isJournaled) {
          expect(look.status).toBe(2);
          expect(look.stderr).toMatch(/^ckpt-doctor: [^\n]*interrupted; take it back: ckpt-doctor undo\n$/);
          expect(await run(['undo', model])).toMatchObject({ status: 0, stderr: '' });
          expect(sha256(model)).toBe(original);
        } else expect(look).toMatchObject({ status: 0, stderr: '' });
        const end = sha256(model);
        expect([original, healed]).toContain(end);
        const what = isJournaled ? 'interrupted' : end === original ? 'untouched' : 'healed';
        seen.set(what, (seen.get(what) ?? 0) + 1);
        expect(litter()).toEqual([]);
        expect(await run(['fix', model, '--in-place', ...OPERATIONS])).toMatchObject({
          status: 0,
          stderr: '',
        });
      }
      if (process.env.CKPT_DOCTOR_KILLS) console.log('in place', Object.fromEntries(seen));
    },
    KILLS * 30_000,
  );

  it(
    'while it writes a copy: the input is untouched, and nothing unfinished has the name of the copy',
    async () => {
      rmSync(output, { force: true });
      const args = ['fix', input, ...OPERATIONS, '-o', output];
      const { milliseconds } = await run(args);
      const seen = new Map<string, number>();
      for (const moment of moments(milliseconds)) {
        rmSync(output, { force: true });
        await run(args, moment);
        expect(sha256(input)).toBe(original);
        const done = existsSync(output);
        if (done) expect(sha256(output)).toBe(copied);
        seen.set(done ? 'done' : 'nothing', (seen.get(done ? 'done' : 'nothing') ?? 0) + 1);
        // a process that is killed can't tidy up; what it leaves is hidden and says what it is
        for (const name of litter()) {
          expect(name).toMatch(/^\.healed\.pth\.[0-9a-f]{12}\.tmp$/);
          rmSync(path.join(folder, name));
        }
      }
      if (process.env.CKPT_DOCTOR_KILLS) console.log('copy', Object.fromEntries(seen));
    },
    KILLS * 30_000,
  );
});
