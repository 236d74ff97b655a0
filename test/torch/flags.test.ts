import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixturePath, run } from './program.ts';
import { pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-flags-'));
let torch: Torch;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
});

afterAll(() => {
  torch?.stop();
  rmSync(folder, { recursive: true });
});

/** Steps as `steps.py` knows them. */
type Step = readonly [name: string, ...words: string[]];

interface Case {
  readonly flags: string;
  readonly file: string;
  readonly steps: readonly Step[];
}

const DDP = 'broken/ddp_cuda.pth';
const CPU = '--map-location cpu';

const ALONE: readonly Case[] = [
  { flags: CPU, file: DDP, steps: [] },
  { flags: '--map-location cuda:0=cpu', file: DDP, steps: [] },
  { flags: '--strip-module', file: 'broken/ddp_cpu.pth', steps: [['strip', 'module.']] },
  { flags: '--strip-prefix model.', file: 'broken/lightning.ckpt', steps: [['strip', 'model.']] },
  {
    flags: '--strip-wrappers',
    file: 'broken/compiled_inside_ddp.pth',
    steps: [['strip-all', 'module.', '_orig_mod.']],
  },
  { flags: '--add-prefix net.', file: 'clean/state_dict.pth', steps: [['add', 'net.']] },
  {
    flags: '--rename ^conv(\\d)=layer$1',
    file: 'clean/state_dict.pth',
    steps: [['rename', '^conv(\\d)', 'layer\\1']],
  },
  { flags: '--extract state_dict', file: 'broken/lightning.ckpt', steps: [['extract', 'state_dict']] },
  { flags: '--weights', file: 'clean/adam_and_scheduler.pth', steps: [['extract', 'model']] },
  { flags: '--keep *.weight', file: 'clean/state_dict.pth', steps: [['keep', '*.weight']] },
  { flags: '--drop bn*.*', file: 'clean/state_dict.pth', steps: [['drop', 'bn*.*']] },
  { flags: '--compact', file: 'archives/slice.pth', steps: [['tight']] },
  { flags: '--untie', file: 'clean/tied_weights.pth', steps: [['apart']] },
  { flags: '--dtype float16', file: 'clean/state_dict.pth', steps: [['cast', 'float16']] },
  { flags: '--dtype float32', file: 'broken/half_with_float_ema.pth', steps: [['cast', 'float32']] },
  { flags: '--dtype float16', file: 'legacy/earliest.pth', steps: [['cast', 'float16']] },
  {
    flags: '--dtype bfloat16 --dtype-include conv*.*',
    file: 'clean/state_dict.pth',
    steps: [['cast', 'bfloat16', 'conv*.*']],
  },
  {
    flags: '--dtype bfloat16 --dtype-exclude bn*.*',
    file: 'clean/state_dict.pth',
    steps: [['cast', 'bfloat16', '[!b]*']],
  },
  { flags: '--safe', file: 'broken/namespace.pth', steps: [] },
  { flags: '--target-torch 1.13', file: 'clean/conj_and_neg.pth', steps: [] },
  { flags: '--auto', file: DDP, steps: [['strip', 'module.']] },
  { flags: '--to safetensors', file: 'clean/state_dict.pth', steps: [] },
  { flags: '--to torch-legacy', file: 'clean/adam_and_scheduler.pth', steps: [] },
  { flags: '--to torch --force', file: 'legacy/state_dict.pth', steps: [] },
  { flags: '--salvage', file: 'clean/state_dict.pth', steps: [] },
  { flags: '--strip-module --in-place', file: 'broken/ddp_cpu.pth', steps: [['strip', 'module.']] },
  { flags: '--strip-module --verify full', file: 'broken/ddp_cpu.pth', steps: [['strip', 'module.']] },
];

const TOGETHER: readonly Case[] = [
  {
    flags: `--extract state_dict --strip-module --dtype float16 ${CPU}`,
    file: DDP,
    steps: [
      ['extract', 'state_dict'],
      ['strip', 'module.'],
      ['cast', 'float16'],
    ],
  },
  {
    flags: `--weights --strip-module --add-prefix net. ${CPU}`,
    file: DDP,
    steps: [
      ['extract', 'state_dict'],
      ['strip', 'module.'],
      ['add', 'net.'],
    ],
  },
  {
    flags: '--weights --rename ^model\\.= --dtype bfloat16 --dtype-exclude bn*.*',
    file: 'broken/lightning.ckpt',
    steps: [
      ['extract', 'state_dict'],
      ['strip', 'model.'],
      ['cast', 'bfloat16', '[!b]*'],
    ],
  },
  {
    flags: `--extract state_dict --keep module.conv*.* --strip-module --compact ${CPU}`,
    file: DDP,
    steps: [['extract', 'state_dict'], ['keep', 'module.conv*.*'], ['strip', 'module.'], ['tight']],
  },
  {
    flags: `--drop optimizer.** --strip-prefix module. --auto --verify full`,
    file: DDP,
    steps: [
      ['drop', 'optimizer.**'],
      ['strip', 'module.'],
    ],
  },
  {
    flags: '--strip-wrappers --add-prefix model. --dtype float16',
    file: 'broken/compiled_inside_ddp.pth',
    steps: [
      ['strip-all', 'module.', '_orig_mod.'],
      ['add', 'model.'],
      ['cast', 'float16'],
    ],
  },
  {
    flags: '--untie --dtype float16 --dtype-include head.*',
    file: 'clean/tied_weights.pth',
    steps: [['cast', 'float16', 'head.*'], ['apart']],
  },
  {
    flags: '--untie --compact --rename ^q$=query',
    file: 'clean/views.pth',
    steps: [['rename', '^q$', 'query'], ['apart'], ['tight']],
  },
  {
    flags: '--target-torch 1.13 --dtype bfloat16 --untie',
    file: 'clean/conj_and_neg.pth',
    steps: [['cast', 'bfloat16'], ['apart']],
  },
  {
    flags: `--weights --strip-wrappers --dtype bfloat16 --to safetensors ${CPU}`,
    file: DDP,
    steps: [
      ['extract', 'state_dict'],
      ['strip', 'module.'],
      ['cast', 'bfloat16'],
    ],
  },
  {
    flags: '--auto --compact --dtype float16 --to torch-legacy',
    file: 'archives/slice.pth',
    steps: [['cast', 'float16'], ['tight']],
  },
  {
    flags: '--auto --untie --dtype float16 --to safetensors',
    file: 'broken/xla_arrays.pth',
    steps: [['cast', 'float16']],
  },
  {
    flags: `--safe --weights --dtype float16 ${CPU}`,
    file: 'broken/namespace.pth',
    steps: [
      ['extract', 'model'],
      ['cast', 'float16'],
    ],
  },
  {
    flags: `--in-place --strip-module --rename ^fc\\.=head. --add-prefix net. ${CPU}`,
    file: DDP,
    steps: [
      ['strip', 'module.'],
      ['rename', '^fc\\.', 'head.'],
      ['add', 'net.'],
    ],
  },
  {
    flags: '--extract model --drop bn*.* --dtype float32 --allow-overflow --target-torch 1.13',
    file: 'broken/half_with_float_ema.pth',
    steps: [
      ['extract', 'model'],
      ['drop', 'bn*.*'],
      ['cast', 'float32'],
    ],
  },
];

describe.each([
  ['alone', ALONE],
  ['together', TOGETHER],
])('flags %s', (title, cases) => {
  it.concurrent.each(cases)('$flags: $file', async ({ flags, file, steps }) => {
    const words = flags.split(' ');
    const index = cases.findIndex((each) => each.flags === flags && each.file === file);
    // torch.load takes a file for safetensors by its name
    const ending = words.includes('safetensors') ? '.safetensors' : '.pth';
    const target = path.join(folder, `${title}-${index}${ending}`);
    const inPlace = words.includes('--in-place');
    if (inPlace) copyFileSync(fixturePath(file), target);
    const place = inPlace ? [target] : [fixturePath(file), '-o', target];
    const fixed = await run('fix', ...place, ...words);
    expect(fixed, fixed.stderr).toMatchObject({ status: 0 });
    const question = { do: 'steps', before: fixturePath(file), after: target, steps, trust: true };
    expect(await torch.ask(question)).not.toHaveProperty('faults');
  });
});
