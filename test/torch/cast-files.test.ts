import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAST_TARGETS } from '../../src/numeric/casts.ts';
import { run } from './program.ts';
import { pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-cast-files-'));
let torch: Torch;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
});

afterAll(() => {
  torch?.stop();
  rmSync(folder, { recursive: true });
});

/** Below and above the window of 1 MiB in which the output is assembled, for numbers of 1 to 8 bytes; most are odd. */
const SIZES = [7, 33, 65_537, 131_071, 131_072, 262_145, 524_289, 1_048_577];
const SOURCES = ['float64', 'float32', 'float16', 'bfloat16', 'float8_e4m3fn', 'float8_e5m2'];
/** How the source is saved: in a legacy file, and in a zip of Python's, tensors begin anywhere. */
const FORMS = ['zip', 'legacy', 'big'];
const OUTPUTS = ['torch', 'torch-legacy', 'safetensors'];

describe.each(SOURCES)('fix --dtype of %s', (source) => {
  /** An older torch has no storages for float8, so its legacy form can't be written. */
  const forms = FORMS.filter((form) => form !== 'legacy' || !source.startsWith('float8'));

  it.each(forms)('in a %s file, as torch casts', async (form) => {
    const file = path.join(folder, `${source}-${form}.pth`);
    expect(await torch.ask({ do: 'cast-file', file, dtype: source, sizes: SIZES, form })).toEqual({});
    for (const [index, dtype] of CAST_TARGETS.filter((each) => each !== source).entries()) {
      const to = OUTPUTS[(index + forms.indexOf(form)) % OUTPUTS.length] as string;
      const output = path.join(folder, to === 'safetensors' ? 'cast.safetensors' : 'cast.pth');
      const flags = ['--dtype', dtype, '--allow-overflow', '--to', to, '--format', 'json', '--force'];
      const { status, stdout, stderr } = await run('fix', file, '-o', output, ...flags);
      expect(status, stderr).toBe(0);
      const { overflow, faults } = await torch.ask({ do: 'cast-fixed', before: file, after: output, dtype });
      expect(faults).toBeUndefined();
      const { operations } = JSON.parse(stdout);
      const cast = operations.find(({ name }: { name: string }) => name === `dtype ${dtype}`);
      const said = /^(\d+) values became infinite/.exec(cast.notes.join('\n'));
      expect(Number(said?.[1] ?? 0)).toBe(overflow);
    }
  });
});
