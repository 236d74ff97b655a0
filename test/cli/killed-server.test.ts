import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { workplace } from '../fix/workplace.ts';
import { Random } from '../fuzz/random.ts';
import { builtBin } from '../support/built-bin.ts';
import { manyTensors } from '../support/many-tensors.ts';

/** How often the server is killed; by hand 200: `CKPT_DOCTOR_KILLS=200 npx vitest run test/cli/killed-server.test.ts`. */
const KILLS = Number(process.env.CKPT_DOCTOR_KILLS ?? 8);
const SEED = Number(process.env.CKPT_DOCTOR_SEED ?? 1);
/** A command that takes longer than this hangs. */
const PATIENCE_MS = 10_000;

const { folder } = workplace();
const model = path.join(folder, 'model.pth');
let bin = '';

beforeAll(async () => {
  bin = builtBin();
  // six megabytes in storages, and a pickle that is no part of the first request
  writeFileSync(model, await manyTensors(2_000, 24, 64 * 1024));
}, 180_000);

/** When the server is killed: so long after the command began, or after so many requests and a while. */
interface Moment {
  readonly requests?: number;
  readonly milliseconds: number;
}

interface Ending {
  /** Null where the command had to be ended. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly address: string;
  readonly milliseconds: number;
  readonly requests: number;
}

/** Runs the program on the file of a server that is killed at a moment, unless the program is faster. */
async function inspected(flags: readonly string[], moment?: Moment): Promise<Ending> {
  const server = spawn(process.execPath, ['test/support/range-server.mjs', model], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: server.stdout });
  const port = await new Promise<string>((resolve) => lines.once('line', resolve));
  const address = `http://127.0.0.1:${port}/model.pth`;
  let timer: NodeJS.Timeout | undefined;
  const strike = (milliseconds: number): void => {
    if (milliseconds <= 0) server.kill('SIGKILL');
    else timer = setTimeout(() => server.kill('SIGKILL'), milliseconds);
  };
  let requests = 0;
  lines.on('line', () => {
    if (++requests === moment?.requests) strike(moment.milliseconds);
  });
  if (moment && moment.requests === undefined) strike(moment.milliseconds);
  const started = performance.now();
  const ending = await endOf(spawn(process.execPath, [bin, 'inspect', ...flags, address]));
  const milliseconds = performance.now() - started;
  clearTimeout(timer);
  server.kill('SIGKILL');
  return { ...ending, address, milliseconds, requests };
}

function endOf(child: ChildProcess): Promise<Pick<Ending, 'code' | 'stdout' | 'stderr'>> {
  return new Promise((resolve) => {
    const said = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk) => {
      said.stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      said.stderr += chunk;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...said });
    });
  });
}

/** A third anywhere in the run, the others where something is asked, at once or a little later. */
function momentIn(whole: Ending, kill: number, random: Random): Moment {
  if (kill % 3 === 0) return { milliseconds: whole.milliseconds * random.next() };
  const requests = 1 + random.below(whole.requests);
  return { requests, milliseconds: kill % 3 === 1 ? 0 : 20 * random.next() };
}

describe('a server that is killed', () => {
  it.each([[[]], [['--verify-crc']]])(
    'is given up with one line, or was not needed any more (inspect %s)',
    async (flags) => {
      const whole = await inspected(flags);
      expect(whole).toMatchObject({ code: 0, stderr: '' });
      expect(whole.requests).toBeGreaterThan(2);
      const random = new Random(SEED);
      const counts = { done: 0, 'given up': 0 };
      for (let kill = 0; kill < KILLS; kill++) {
        const moment = momentIn(whole, kill, random);
        const { code, stdout, stderr, address } = await inspected(flags, moment);
        if (code === 0) {
          counts.done++;
          expect({ moment, stderr, stdout: stdout.replaceAll(address, '') }).toEqual({
            moment,
            stderr: '',
            stdout: whole.stdout.replaceAll(whole.address, ''),
          });
        } else {
          counts['given up']++;
          expect({ moment, code, stderr }).toEqual({
            moment,
            code: 2,
            stderr: expect.stringMatching(/^ckpt-doctor: [^\n]*\n$/),
          });
          expect(stderr).toContain(address);
        }
      }
      if (process.env.CKPT_DOCTOR_KILLS) console.log(`seed ${SEED}`, flags, whole.requests, counts);
      expect(counts['given up']).toBeGreaterThan(0);
    },
    30_000 + KILLS * 10_000,
  );
});
