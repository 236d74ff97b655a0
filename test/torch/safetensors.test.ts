import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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

  it.each(['safetensors', 'torch', 'torch-legacy'])('spreads a model over files: %s', async (form) => {
    const target = path.join(folder, String(runs++));
    mkdirSync(target);
    const before = fixturePath('clean/state_dict.pth');
    const { status, stderr } = await run('fix', before, '--to', form, '--shard-size', '1.5kB', '-o', target);
    expect(status, stderr).toBe(0);
    const names = readdirSync(target).sort();
    const index = names.filter((name) => name.endsWith('.index.json'));
    expect(index).toHaveLength(1);
    expect(names).toHaveLength(4);
    const shards = names.filter((name) => !index.includes(name)).map((name) => path.join(target, name));
    expect(await torch.converted(before, shards)).toEqual({ tensors: 14, sameBytes: null });
    const merged = path.join(folder, `${runs++}.pth`);
    expect(
      await run('fix', path.join(target, index[0] as string), '--to', 'torch', '-o', merged),
    ).toMatchObject({
      status: 0,
    });
    expect(await torch.converted(before, [merged])).toEqual({ tensors: 14, sameBytes: null });
  });

  it('casts on the way', async () => {
    const { status, output } = await convert('clean/state_dict.pth', '--dtype', 'float16');
    expect(status).toBe(0);
    const torchFile = path.join(folder, `${runs++}.pth`);
    await run('fix', fixturePath('clean/state_dict.pth'), '--dtype', 'float16', '-o', torchFile);
    expect(await torch.converted(torchFile, [output])).toMatchObject({ sameBytes: true });
  });
});
