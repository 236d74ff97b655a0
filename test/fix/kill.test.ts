import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixCheckpoint } from '../../src/fix/fix.ts';
import { run } from '../cli/run.ts';
import { builtBin } from '../support/built-bin.ts';
import { manyTensors } from '../support/many-tensors.ts';
import { workplace } from './workplace.ts';

/** How often a process is killed in each of the two tests; by hand 200: `CKPT_DOCTOR_KILLS=200 npx vitest run test/fix/kill.test.ts`. */
const KILLS = Number(process.env.CKPT_DOCTOR_KILLS ?? 8);
/** So many that to write the pickle takes a while, and the moment is easy to hit. */
const TENSORS = 2_000;
const STORAGES = 50;

const { folder } = workplace();
const input = path.join(folder, 'original.pth');
const model = path.join(folder, 'model.pth');
const output = path.join(folder, 'healed.pth');
const OPERATIONS = ['--map-location', 'cpu', '--add-prefix', 'net.'];
let bin = '';

/** When a process is killed: so long after its start, or after the files that it writes have changed so often. */
interface Moment {
  readonly events?: number;
  /** Since the start, or since the last of the events. */
  readonly milliseconds: number;
}

interface Victim {
  readonly milliseconds: number;
  /** How often a file of the folder was made, written, renamed or removed meanwhile. */
  readonly events: number;
  readonly killed: boolean;
}

/** Runs the program in a process of its own; kills it at a moment, unless it was faster. */
function victim(args: readonly string[], moment?: Moment): Promise<Victim> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, [bin, ...args], { stdio: 'ignore' });
    let events = 0;
    let timer: NodeJS.Timeout | undefined;
    const kill = () => child.kill('SIGKILL');
    const strike = (milliseconds: number) => {
      if (milliseconds <= 0) kill();
      else timer ??= setTimeout(kill, milliseconds);
    };
    const watcher = watch(folder, () => {
      events++;
      if (moment && moment.events === events) strike(moment.milliseconds);
    });
    if (moment && moment.events === undefined) strike(moment.milliseconds);
    child.on('close', (_status, signal) => {
      clearTimeout(timer);
      watcher.close();
      resolve({ milliseconds: performance.now() - started, events, killed: signal === 'SIGKILL' });
    });
  });
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

let original = '';
let healed = '';
let copied = '';

beforeAll(async () => {
  bin = builtBin();
  writeFileSync(input, await manyTensors(TENSORS, STORAGES));
  original = sha256(input);
  copyFileSync(input, model);
  await fixCheckpoint(model, { inPlace: true, mapLocation: 'cpu', addPrefix: 'net.' });
  healed = sha256(model);
  await fixCheckpoint(input, { output, mapLocation: 'cpu', addPrefix: 'net.' });
  copied = sha256(output);
}, 180_000);

/**
 * Moments at random: a third anywhere in the run, the others where files change, at once or a little later. A whole run says how long
 * it takes and how often they change.
 */
function* moments(whole: Victim): Generator<Moment> {
  for (let i = 0; i < KILLS; i++) {
    if (i % 3 === 0) yield { milliseconds: whole.milliseconds * Math.random() };
    else {
      const events = 1 + Math.floor(whole.events * Math.random());
      yield { events, milliseconds: i % 3 === 1 ? 0 : 10 * Math.random() };
    }
  }
}

/** What a killed run may leave beside the files, besides the files. */
function litter(): string[] {
  const known = [input, model, output].map((file) => path.basename(file));
  return readdirSync(folder).filter((name) => !known.includes(name));
}

/** How often what came of a kill, for a run by hand. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(what: string, { killed }: Victim): void {
    const words = killed ? what : `${what}, the run was faster`;
    this.#counts.set(words, (this.#counts.get(words) ?? 0) + 1);
  }

  tell(title: string): void {
    if (process.env.CKPT_DOCTOR_KILLS) console.log(title, Object.fromEntries(this.#counts));
  }
}

describe('a run that is killed', () => {
  it(
    'in place: after the next command the file is the original or the healed one',
    async () => {
      const args = ['fix', model, '--in-place', ...OPERATIONS];
      copyFileSync(input, model);
      const whole = await victim(args);
      expect(sha256(model)).toBe(healed);
      const tally = new Tally();
      for (const moment of moments(whole)) {
        copyFileSync(input, model);
        const end = await victim(args, moment);
        const isJournaled = litter().length > 0;
        const look = await run(['inspect', model]);
        if (isJournaled) {
          expect(look.code).toBe(2);
          expect(look.stderr).toMatch(/^ckpt-doctor: [^\n]*interrupted; take it back: ckpt-doctor undo\n$/);
          expect(await run(['undo', model])).toMatchObject({ code: 0, stderr: '' });
          expect(sha256(model)).toBe(original);
        } else expect(look).toMatchObject({ code: 0, stderr: '' });
        const found = sha256(model);
        expect([original, healed]).toContain(found);
        tally.add(isJournaled ? 'interrupted' : found === original ? 'untouched' : 'healed', end);
        expect(litter()).toEqual([]);
        expect(await run(args)).toMatchObject({ code: 0, stderr: '' });
      }
      tally.tell('in place');
    },
    30_000 + KILLS * 10_000,
  );

  it(
    'while it writes a copy: the input is untouched, and nothing unfinished has the name of the copy',
    async () => {
      rmSync(output, { force: true });
      const args = ['fix', input, ...OPERATIONS, '-o', output];
      const whole = await victim(args);
      expect(sha256(output)).toBe(copied);
      const tally = new Tally();
      for (const moment of moments(whole)) {
        rmSync(output, { force: true });
        const end = await victim(args, moment);
        expect(sha256(input)).toBe(original);
        const isDone = existsSync(output);
        if (isDone) expect(sha256(output)).toBe(copied);
        const left = litter();
        tally.add(isDone ? 'done' : left.length > 0 ? 'half written, under another name' : 'nothing', end);
        // a process that is killed can't tidy up; what it leaves is hidden and says what it is
        for (const name of left) {
          expect(name).toMatch(/^\.healed\.pth\.[0-9a-f]{12}\.tmp$/);
          rmSync(path.join(folder, name));
        }
        // what was left is in nobody's way
        if (!isDone) expect(await run(args)).toMatchObject({ code: 0, stderr: '' });
      }
      tally.tell('copy');
    },
    30_000 + KILLS * 10_000,
  );
});
