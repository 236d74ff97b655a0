import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { builtBin } from '../support/built-bin.ts';

const SPOIL = fileURLToPath(new URL('../support/spoil-input.mjs', import.meta.url));
let bin: string;
let folder: string;
let model: string;

beforeAll(() => {
  bin = builtBin();
}, 60_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-changing-'));
  model = join(folder, 'model.pth');
  cpSync('fixtures/broken/ddp_cuda.pth', model);
  // a write within the same tick of the clock of the file system would leave no trace
  utimesSync(model, 1e9, 1e9);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a command on the model, which is spoilt after a number of reads. */
function run(args: readonly string[], how: string, after: number) {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, ['--import', SPOIL, bin, ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, SPOIL_FILE: model, SPOIL_HOW: how, SPOIL_AFTER: String(after) },
  });
  expect(signal).toBe(null);
  return { status, stdout, stderr };
}

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  inspect: ['inspect', 'model.pth'],
  'inspect --verify-crc': ['inspect', '--verify-crc', 'model.pth'],
  check: ['check', '--format', 'json', 'model.pth'],
  stats: ['stats', 'model.pth'],
  diff: ['diff', 'model.pth', 'model.pth'],
  'fix to a copy': ['fix', 'model.pth', '--auto'],
  'fix in place': ['fix', 'model.pth', '--auto', '--in-place'],
  report: ['report', 'model.pth', '-o', 'model.html'],
};

describe.skipIf(process.platform === 'win32').each(Object.entries(COMMANDS))(
  '%s of a file',
  (_name, args) => {
    it.each(['truncate', 'grow', 'overwrite'])('that another program changes meanwhile (%s)', (how) => {
      for (const after of [1, 2]) {
        const { status, stderr } = run(args, how, after);
        expect(stderr).toMatch(/^ckpt-doctor: [^\n]*\n$/);
        expect(stderr).not.toMatch(/\s+at .+:\d+/);
        expect(status).toBe(2);
        expect(readdirSync(folder)).toEqual(['model.pth']);
        cpSync('fixtures/broken/ddp_cuda.pth', model);
        utimesSync(model, 1e9, 1e9);
      }
    });

    it('that is removed meanwhile: it is read to its end, or said to be gone', () => {
      const { status, stderr } = run(args, 'remove', 1);
      expect(existsSync(model)).toBe(false);
      expect(stderr).toMatch(/^(ckpt-doctor: [^\n]*\n)?$/);
      expect(stderr === '' ? [0, 1] : [2]).toContain(status);
      expect(readdirSync(folder).filter((name) => /tmp|undo/.test(name))).toEqual([]);
    });
  },
);
