import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURES, fixturePath, run } from './program.ts';
import { type KeyChange, pythonWithOldTorch, pythonWithTorch, Torch } from './torch.ts';

/** Whose bytes or headers are at fault where a fix in place leaves them: only zipfile minds. */
const STAYS = ['damaged/crc_wrong.pth', 'damaged/local_header_damaged.pth'];
/** These keep what weights_only refuses, whatever heals the rest. */
const REFUSED = ['clean/recursive_tuple.pt', 'broken/xla_arrays.pth'];

const ZIPS = FIXTURES.filter(
  ({ file, tensors, unrestricted }) =>
    tensors &&
    (unrestricted === undefined || REFUSED.includes(file)) &&
    !STAYS.includes(file) &&
    readFileSync(fixturePath(file)).subarray(0, 2).toString() === 'PK',
);

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-in-place-'));
let torch: Torch;
let old: Torch | undefined;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
  const oldPython = pythonWithOldTorch();
  if (oldPython) old = await Torch.start(oldPython);
});

afterAll(() => {
  torch?.stop();
  old?.stop();
  rmSync(folder, { recursive: true });
});

let copies = 0;

function copyOf(file: string): string {
  const target = path.join(folder, String(copies++));
  mkdirSync(target);
  const copy = path.join(target, path.basename(file));
  copyFileSync(fixturePath(file), copy);
  return copy;
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

async function judged(before: string, after: string, restricted: boolean, change?: KeyChange): Promise<void> {
  const options = { trust: true, restricted, ...(change && { change }) };
  expect(await torch.compare(before, after, options)).not.toHaveProperty('faults');
  expect(await torch.ask({ do: 'places', file: after, trust: !restricted })).not.toHaveProperty('faults');
  if (!old) return;
  const loads = await old.ask({ do: 'load', file: before, trust: true });
  if (!loads.faults) expect(await old.compare(before, after, options)).not.toHaveProperty('faults');
}

describe('fix --in-place', () => {
  it.concurrent.each(ZIPS)('$file', async ({ file, reference }) => {
    const copy = copyOf(file);
    const original = sha256(copy);
    const fixed = await run('fix', copy, '--in-place', '--map-location', 'cpu', '--format', 'json');
    if (fixed.status === 2) {
      // the file is as it was, and one line says why
      expect(fixed.stderr).toMatch(/^ckpt-doctor: [^\n]*\n$/);
      expect(sha256(copy)).toBe(original);
      return;
    }
    expect(fixed.stderr).toBe('');
    expect(JSON.parse(fixed.stdout)).toMatchObject({ mode: 'append', verified: true, output: copy });
    await judged(fixturePath(reference ?? file), copy, !REFUSED.includes(file));
    expect(readdirSync(path.dirname(copy))).toEqual([path.basename(copy)]);
    if (sha256(copy) !== original) expect(await run('undo', copy)).toMatchObject({ status: 0, stderr: '' });
    expect(sha256(copy)).toBe(original);
  });
});
