import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURES, fixturePath, run } from './program.ts';
import { pythonWithOldTorch, pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-safe-'));
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

async function fixed(file: string, ...flags: string[]): Promise<string> {
  const output = path.join(folder, `${runs++}.pth`);
  const result = await run('fix', file, ...flags, '--verify', 'full', '-o', output);
  expect(result, result.stderr).toMatchObject({ status: 0 });
  return output;
}

describe('fix --safe', () => {
  it.each([2, 3, 4, 5])(
    'gives plain values for all that have one, and says so: protocol %i',
    async (protocol) => {
      const file = path.join(folder, `refused_${protocol}.pth`);
      await torch.ask({ do: 'refused', file, protocol });
      expect((await torch.ask({ do: 'plain', file })).faults?.[0]).toContain('Weights only load failed');
      const output = await fixed(file, '--auto');
      expect(await torch.ask({ do: 'plain', file: output })).not.toHaveProperty('faults');
      const { stdout } = await run('fix', file, '--safe', '--dry-run');
      for (const what of [
        'numpy scalars',
        'numpy arrays',
        'namespaces',
        'frozensets',
        'enum members',
        'paths',
      ])
        expect(stdout).toContain(`${what} become`);
    },
  );

  const healed = FIXTURES.filter(({ findings }) => findings.some((rule) => rule.startsWith('globals/')));

  it.concurrent.each(healed)('$file loads, or is refused by name', async ({ file }) => {
    const output = path.join(folder, `${path.basename(file)}.safe.pth`);
    const { status, stderr } = await run(
      'fix',
      fixturePath(file),
      '--safe',
      '--map-location',
      'cpu',
      '-o',
      output,
    );
    if (status === 0) expect(await torch.compare(output, output)).not.toHaveProperty('faults');
    else expect(stderr).toMatch(/^ckpt-doctor: .*no plain value says the same as \w+\./);
    const safe = /broken\/(namespace|numpy_array|numpy_scalar|path|xla_arrays)|torch-1\.13\/sparse_csr/;
    if (safe.test(file)) expect(status).toBe(0);
  });
});

describe('fix --target-torch 1.13', () => {
  it.each(['clean/conj_and_neg.pth', 'clean/parameters.pth', 'clean/views.pth'])(
    'keeps what the tensors of %s stand for',
    async (file) => {
      const output = await fixed(fixturePath(file), '--target-torch', '1.13');
      const { numbers } = await torch.ask({ do: 'numbers', file: fixturePath(file) });
      expect(Object.keys(numbers ?? {}).length).toBeGreaterThan(1);
      expect((await torch.ask({ do: 'numbers', file: output })).numbers).toEqual(numbers);
      // its weights_only, which nobody had to use, takes few of these
      if (old) expect((await old.ask({ do: 'numbers', file: output, trust: true })).numbers).toEqual(numbers);
    },
  );

  it('takes CSR tensors from 1.x to today and back', async () => {
    const file = fixturePath('torch-1.13/sparse_csr.pth');
    const today = await fixed(file, '--safe');
    const { numbers } = await torch.ask({ do: 'numbers', file: today });
    expect(Object.keys(numbers ?? {}).length).toBeGreaterThan(0);
    const back = await fixed(today, '--target-torch', '1.13');
    if (!old) return;
    for (const each of [file, back])
      expect((await old.ask({ do: 'numbers', file: each })).numbers).toEqual(numbers);
  });
});
