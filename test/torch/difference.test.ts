import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';
import { pythonWithTorch } from './torch.ts';

const SCRIPT = fileURLToPath(new URL('./difference.py', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-difference-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Figures {
  readonly differing: number;
  readonly maxAbs: number;
  readonly meanAbs: number;
  readonly cosine: number;
}

describe('diff --values', () => {
  let byTorch: Record<string, Figures> = {};
  let byUs: Map<string, Figures>;

  beforeAll(async () => {
    byTorch = JSON.parse(execFileSync(pythonWithTorch(), [SCRIPT, folder], { encoding: 'utf8' }));
    const files = ['a.pth', 'b.pth'].map((name) => path.join(folder, name));
    const { stdout } = await run('diff', '--values', '--format', 'json', ...files);
    byUs = new Map(
      JSON.parse(stdout).changed.map(({ name, values }: { name: string; values: { numbers: Figures } }) => [
        name,
        values.numbers,
      ]),
    );
  });

  it('finds the same figures as torch in doubles, over every dtype', () => {
    expect([...byUs.keys()].sort()).toEqual(Object.keys(byTorch).sort());
    for (const [name, { differing, maxAbs, meanAbs, cosine }] of Object.entries(byTorch)) {
      const ours = byUs.get(name) as Figures;
      expect({ name, differing: ours.differing, maxAbs: ours.maxAbs }).toEqual({ name, differing, maxAbs });
      expect(Math.abs(ours.meanAbs / meanAbs - 1)).toBeLessThan(1e-12);
      expect(Math.abs(ours.cosine - cosine)).toBeLessThan(1e-12);
    }
  });
});
