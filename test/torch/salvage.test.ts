import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixturePath, run } from './program.ts';
import { pythonWithOldTorch, pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-salvage-'));
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

const FILES = [
  'broken/ddp_cuda.pth',
  'clean/state_dict.pth',
  'torch-1.13/ddp_cuda.pth',
  'legacy/ddp_cuda.pth',
  'legacy/state_dict.pth',
];
/** Parts of the file, in percent, that an interrupted download left. */
const PARTS = [45, 60, 80, 95, 99];

describe('fix --salvage', () => {
  it.each(FILES)(
    '%s, cut anywhere: torch loads what is saved, and finds there what there was',
    async (file) => {
      const whole = readFileSync(fixturePath(file));
      let before = 0;
      for (const part of PARTS) {
        const cut = path.join(folder, `${part}-${path.basename(file)}`);
        const output = `${cut}.saved.pth`;
        writeFileSync(cut, whole.subarray(0, Math.floor((whole.length * part) / 100)));
        const { status, stdout, stderr } = await run(
          'fix',
          cut,
          '--salvage',
          '--map-location',
          'cpu',
          '-o',
          output,
          '--force',
          '--format',
          'json',
        );
        if (status !== 0) {
          expect(stderr).toMatch(/nothing can be salvaged/);
          expect(before).toBe(0);
          continue;
        }
        const { tensors = 0, ...verdict } = await torch.ask({
          do: 'salvaged',
          before: fixturePath(file),
          after: output,
        });
        expect(verdict).toEqual({});
        expect(tensors).toBeGreaterThanOrEqual(Math.max(1, before));
        expect(JSON.parse(stdout).operations[0]).toMatchObject({ name: 'salvage', affected: tensors });
        if (old)
          expect(await old.ask({ do: 'load', file: output, trust: true })).not.toHaveProperty('faults');
        before = tensors;
      }
      expect(before).toBeGreaterThan(1);
    },
  );
});
