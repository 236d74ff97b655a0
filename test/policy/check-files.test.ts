import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import * as opening from '../../src/formats/open.ts';
import { Baseline } from '../../src/policy/baseline.ts';
import { checkFiles, statusOf } from '../../src/policy/check-files.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { checkpointRecords, madeZip } from '../support/made-zip.ts';
import { folderOf } from './folder.ts';

vi.mock('../../src/formats/open.ts', { spy: true });

const lenient: Policy = () => ({ settings: new Map(), failOn: 'error', expected: undefined });
const strict: Policy = () => ({ settings: new Map(), failOn: 'warning', expected: undefined });
const off: Policy = () => ({
  settings: new Map([
    ['device/cuda-tag', { severity: 'off' }],
    ['keys/module-prefix', { severity: 'error' }],
  ]),
  failOn: 'warning',
  expected: undefined,
});
const DDP = 'fixtures/broken/ddp_cuda.pth';
const CLEAN = 'fixtures/clean/state_dict.pth';

describe('checkFiles', () => {
  it('gives a verdict on every file in the order of the paths; a bad one stops none', async () => {
    const paths = [
      'gone.pth',
      DDP,
      'fixtures/foreign/html_page.pth',
      CLEAN,
      'fixtures/damaged/record_missing.pth',
    ];
    const checked = await checkFiles(paths, strict);
    expect(checked.map(({ path }) => path)).toEqual(paths);
    expect(checked.map(({ status }) => status)).toEqual([
      'unreadable',
      'failed',
      'unreadable',
      'passed',
      'unreadable',
    ]);
    expect(checked.map(({ error }) => error instanceof Error)).toEqual([true, false, true, false, true]);
  });

  it('judges by the policy of the file', async () => {
    const [a] = await checkFiles([DDP], lenient);
    expect(a?.status).toBe('passed');
    const [b] = await checkFiles([DDP], off);
    const told = b?.findings.map(({ rule, severity }) => `${rule} ${severity}`);
    expect(told).toContain('keys/module-prefix error');
    expect(told?.join()).not.toContain('device/cuda-tag');
  });

  it('has few checkpoints open at once, and closes them all', async () => {
    const files = readdirSync('fixtures/clean').map((name) => `fixtures/clean/${name}`);
    let open = 0;
    let most = 0;
    const real = await vi.importActual<typeof opening>('../../src/formats/open.ts');
    vi.mocked(opening.openCheckpoint).mockImplementation(async (path) => {
      open += 1;
      most = Math.max(most, open);
      const checkpoint = await real.openCheckpoint(path);
      const close = checkpoint.close.bind(checkpoint);
      return Object.assign(checkpoint, {
        close: async () => {
          open -= 1;
          await close();
        },
      });
    });
    const progress: number[] = [];
    await checkFiles(files, lenient, { onFile: (done) => progress.push(done) });
    vi.mocked(opening.openCheckpoint).mockReset();
    expect(open).toBe(0);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
    expect(progress).toEqual(files.map((_, index) => index + 1));
  });

  it('takes away what the baseline knows, and shortens what is left', async () => {
    const baseline = new Baseline('/nowhere/baseline.json');
    const [before] = await checkFiles([DDP], strict, { baseline, update: true });
    expect(before?.status).toBe('passed');
    const [after] = await checkFiles([DDP], strict, {
      baseline,
      shorten: (findings) => findings.slice(0, 0),
    });
    expect(after).toMatchObject({ status: 'passed', findings: [] });
    expect(after?.known).toBeGreaterThanOrEqual(2);
  });

  it('reads every byte where that is asked for', async () => {
    const large = { name: 'archive/data/1', content: Buffer.alloc(200_000, 7), crc32: 1 };
    const file = join(folderOf({ 'large.pth': madeZip([...checkpointRecords(), large]) }), 'large.pth');
    const rules = async (verifyCrc: boolean) =>
      (await checkFiles([file], lenient, { verifyCrc }))[0]?.findings.map(({ rule }) => rule) ?? [];
    expect(await rules(false)).not.toContain('zip/crc-mismatch');
    expect(await rules(true)).toContain('zip/crc-mismatch');
    const asking = (severity: 'error' | 'off'): Policy => {
      const settings = new Map([['zip/crc-mismatch', { severity }]]);
      return () => ({ settings, failOn: 'error', expected: undefined });
    };
    expect((await checkFiles([file], asking('error')))[0]?.status).toBe('failed');
    expect((await checkFiles([file], asking('off')))[0]?.status).toBe('passed');
  });

  it('gives up on a file whose time is over, and says so', async () => {
    const [file] = await checkFiles([CLEAN], lenient, { timeout: 0.000_001 });
    expect(file?.status).toBe('unreadable');
    expect(file?.findings.map(({ rule }) => rule)).toEqual(['limit/exhausted']);
    expect((await checkFiles([CLEAN], lenient, { timeout: 600 }))[0]?.status).toBe('passed');
  });
});

describe('statusOf', () => {
  const warning = { rule: 'device/cuda-tag', severity: 'warning' } as const;
  const hostile = { rule: 'safety/anything', severity: 'error' } as const;

  it('fails at the threshold', () => {
    expect(statusOf([warning], undefined, 'error')).toBe('passed');
    expect(statusOf([warning], undefined, 'warning')).toBe('failed');
    expect(statusOf([warning], undefined, 'info')).toBe('failed');
  });

  it('calls a damaged file unreadable whatever was found, unless it is hostile', () => {
    expect(statusOf([warning], new Error('cut short'), 'warning')).toBe('unreadable');
    expect(statusOf([hostile], new Error('cut short'), 'error')).toBe('failed');
    expect(statusOf([{ ...hostile, severity: 'info' }], new Error('cut short'), 'error')).toBe('unreadable');
  });
});
