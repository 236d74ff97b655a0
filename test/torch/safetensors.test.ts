import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURES, fixturePath, run } from './program.ts';
import { pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-safetensors-'));
let torch: Torch;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
});

afterAll(() => {
  torch?.stop();
  rmSync(folder, { recursive: true });
});

let runs = 0;

async function convert(file: string, ...options: string[]) {
  const output = path.join(folder, `${runs++}.safetensors`);
  const fixed = await run('fix', fixturePath(file), '--to', 'safetensors', ...options, '-o', output);
  return { ...fixed, output };
}

/** Values that are no tensors stand there too, but no tensor that safetensors has no form for, and none that stands deeper. */
const FLAT = [
  'archives/float8.pth',
  'archives/fused.pth',
  'archives/slice.pth',
  'broken/bfloat16.pth',
  'broken/cuda_state_dict.pth',
  'broken/half_and_bfloat16.pth',
  'broken/non_tensor_values.pth',
  'clean/conj_and_neg.pth',
  'clean/rezipped_deflated.pth',
  'clean/state_dict.pth',
  'clean/strides.pth',
  'clean/tied_weights.pth',
  'clean/views.pth',
  'legacy/state_dict.pth',
  'legacy/strides.pth',
  'legacy/views.pth',
  'torch-1.13/state_dict.pth',
];
/** The state_dict of a training checkpoint, by its key. */
const NESTED: readonly [string, string][] = [
  ['broken/ddp_cuda.pth', 'state_dict'],
  ['broken/lightning.ckpt', 'state_dict'],
  ['broken/namespace.pth', 'model'],
  ['clean/adam_and_scheduler.pth', 'model'],
  ['legacy/ddp_cuda.pth', 'state_dict'],
];

describe('fix --to safetensors, judged by the safetensors package', () => {
  it.concurrent.each(FLAT)('%s', async (file) => {
    const { status, stderr, output } = await convert(file, '--verify', 'full');
    expect(status, stderr).toBe(0);
    const verdict = await torch.converted(fixturePath(file), [output]);
    expect(verdict).not.toHaveProperty('faults');
    expect(verdict.tensors).toBeGreaterThan(0);
    expect(verdict.sameBytes).not.toBe(false);
  });

  it.concurrent.each(NESTED)('%s --weights', async (file, key) => {
    const { status, stderr, output } = await convert(file, '--weights');
    expect(status, stderr).toBe(0);
    const verdict = await torch.converted(fixturePath(file), [output], [key]);
    expect(verdict).not.toHaveProperty('faults');
    expect(verdict.sameBytes).toBe(true);
  });

  it('writes every dtype that both have', async () => {
    const typed = FIXTURES.filter(({ file }) => /clean\/(typed|untyped)_storages/.test(file));
    expect(typed).toHaveLength(2);
    for (const { file } of typed) {
      const lacking = ['complex128', 'complex32', 'bits*', 'q*'].flatMap((name) => ['--drop', name]);
      const { status, stderr, output } = await convert(file, ...lacking);
      expect(status, stderr).toBe(0);
      const torchFile = path.join(folder, `${runs++}.pth`);
      await run('fix', fixturePath(file), ...lacking, '-o', torchFile);
      const verdict = await torch.converted(torchFile, [output]);
      expect(verdict).not.toHaveProperty('faults');
      expect(verdict.sameBytes).toBe(true);
    }
  });

  it('casts on the way', async () => {
    const { status, output } = await convert('clean/state_dict.pth', '--dtype', 'float16');
    expect(status).toBe(0);
    const torchFile = path.join(folder, `${runs++}.pth`);
    await run('fix', fixturePath('clean/state_dict.pth'), '--dtype', 'float16', '-o', torchFile);
    expect(await torch.converted(torchFile, [output])).toMatchObject({ sameBytes: true });
  });
});
