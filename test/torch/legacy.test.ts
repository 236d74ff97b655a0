import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixturePath, run } from './program.ts';
import { pythonWithOldTorch, pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-legacy-'));
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

let runs = 0;

async function convert(file: string, ...options: string[]) {
  const output = path.join(folder, `${runs++}.pth`);
  const fixed = await run('fix', fixturePath(file), '--to', 'torch-legacy', ...options, '-o', output);
  return { ...fixed, output };
}

const FILES = [
  'broken/lightning.ckpt',
  'clean/adam_and_scheduler.pth',
  'clean/bare_tensor.pt',
  'clean/big_endian.pth',
  'clean/many_memo_entries.pth',
  'clean/quantized.pth',
  'clean/quantized_packed.pth',
  'clean/rezipped_deflated.pth',
  'clean/shared_objects.pt',
  'clean/sparse.pth',
  'clean/state_dict.pth',
  'clean/strides.pth',
  'clean/strings.pt',
  'clean/tied_weights.pth',
  'clean/typed_storages.pth',
  'clean/views.pth',
  'legacy/state_dict.pth',
  'legacy/views.pth',
  'torch-1.13/parameters.pth',
  'torch-1.13/state_dict.pth',
];
/** torch 1.13 takes every archive for a little-endian one, and reads of the lazy bits nothing. */
const NOT_BEFORE_2 = ['clean/big_endian.pth'];

describe('fix --to torch-legacy', () => {
  it.concurrent.each(FILES)('%s, judged by torch', async (file) => {
    const { status, stderr, output } = await convert(file, '--verify', 'full');
    expect(status, stderr).toBe(0);
    const before = fixturePath(file);
    const options = { trust: true, mappable: false };
    expect(await torch.compare(before, output, options)).not.toHaveProperty('faults');
    if (!old || NOT_BEFORE_2.includes(file)) return;
    const loads = await old.ask({ do: 'load', file: before, trust: true });
    if (!loads.faults) expect(await old.compare(before, output, options)).not.toHaveProperty('faults');
  });

  it('makes conjugated and negated views real, which the form before 1.6 has no word for', async () => {
    const { status, stderr, output } = await convert('clean/conj_and_neg.pth');
    expect(status, stderr).toBe(0);
    expect(await torch.converted(fixturePath('clean/conj_and_neg.pth'), [output])).not.toHaveProperty(
      'faults',
    );
  });

  it.each(['clean/untyped_storages.pth', 'archives/float8.pth'])(
    'refuses %s, which no torch would load',
    async (file) => {
      const { status, stderr } = await convert(file);
      expect(status).toBe(2);
      expect(stderr).toMatch(/torch-legacy has no storages for .*: no torch would load them/);
    },
  );
});
