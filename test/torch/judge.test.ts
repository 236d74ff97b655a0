import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonWithTorch, Torch } from './torch.ts';

const FILE = path.resolve('fixtures/clean/adam_and_scheduler.pth');
const FAULTS = [
  'one bit of a weight',
  'a byte that no tensor shows',
  'another dtype',
  'another shape',
  'another stride',
  'requires_grad',
  'a Parameter for a tensor',
  'two tensors on one storage',
  '_metadata lost',
  '_metadata with another version',
  'keys in another order',
  'another learning rate',
  '0 for False',
  'a key lost',
  'the scheduler lost',
];

describe('the judge', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-judge-'));
  let torch: Torch;
  beforeAll(async () => {
    torch = await Torch.start(pythonWithTorch());
  });
  afterAll(() => {
    torch?.stop();
    rmSync(folder, { recursive: true });
  });

  it('takes a file as equal to itself', async () => {
    expect(await torch.compare(FILE, FILE)).toEqual({ tensors: 38 });
  });

  it.each(FAULTS)('sees %s', async (how) => {
    const after = path.join(folder, `${FAULTS.indexOf(how)}.pth`);
    expect(await torch.ask({ do: 'spoil', file: FILE, after, how })).toEqual({});
    expect((await torch.compare(FILE, after)).faults?.length).toBeGreaterThan(0);
  });

  it('sees a location tag that torch refuses', async () => {
    const verdict = await torch.compare(
      path.resolve('fixtures/broken/cuda_state_dict.pth'),
      path.resolve('fixtures/broken/cuda_state_dict.pth'),
    );
    expect(verdict.faults?.[0]).toContain('Attempting to deserialize object on a CUDA device');
  });

  it('sees a prefix that stayed', async () => {
    const file = path.resolve('fixtures/broken/ddp_cpu.pth');
    expect((await torch.compare(file, file, { change: { strip: ['module.'] } })).faults).toBeDefined();
  });
});
