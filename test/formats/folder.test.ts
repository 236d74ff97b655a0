import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/formats/open.ts';
import { lookup } from '../../src/pickle/values.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-folder-'));
let folders = 0;

afterAll(() => rmSync(scratch, { recursive: true }));

/** A folder of files with a text each; a name that ends in `/` is a folder. */
function folder(files: Record<string, string>): string {
  const top = path.join(scratch, String(folders++));
  mkdirSync(top);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(top, name);
    mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(file, text);
  }
  return top;
}

describe('a folder that holds one checkpoint', () => {
  it.each([
    ['bert', 'sharded-index', 'Hugging Face model folder (model.safetensors.index.json)'],
    ['bert_bin', 'sharded-index', 'Hugging Face model folder (pytorch_model.bin.index.json)'],
    ['lightning', 'torch-zip', 'Lightning log folder (version_0/checkpoints/epoch=0-step=2.ckpt)'],
    ['distributed', 'distcp', 'torch.distributed.checkpoint folder'],
    ['deepspeed', 'torch-zip', 'DeepSpeed ZeRO folder'],
  ])('%s', async (name, kind, told) => {
    const checkpoint = await openCheckpoint(`fixtures/containers/${name}`);
    expect(checkpoint.container).toMatchObject({ kind, folder: told });
    expect(checkpoint.path).toBe(`fixtures/containers/${name}`);
    expect(checkpoint.tensors.length).toBeGreaterThan(0);
    await checkpoint.close();
  });

  it('takes safetensors before pickles, as transformers does', async () => {
    const top = folder({ 'pytorch_model.bin': 'not looked at' });
    cpSync('fixtures/containers/dtypes.safetensors', path.join(top, 'model.safetensors'));
    const checkpoint = await openCheckpoint(top);
    expect(checkpoint.container.folder).toBe('Hugging Face model folder (model.safetensors)');
    await checkpoint.close();
  });

  it('names the file within when that one can not be read', async () => {
    const top = folder({ 'model.safetensors': '<html>' });
    await expect(openCheckpoint(top)).rejects.toMatchObject({
      code: 'not-a-checkpoint',
      message: expect.stringMatching(/^model\.safetensors in it: .*HTML/),
    });
  });
});

describe('a DeepSpeed folder', () => {
  it('tells stage, ranks and the shard that is missing', async () => {
    for (const name of ['deepspeed', 'deepspeed/global_step10']) {
      const { sharding, annotations, damage, close } = await openCheckpoint(`fixtures/containers/${name}`);
      const facts = annotations && lookup(annotations, 'deepspeed');
      expect(facts && [lookup(facts, 'zero_stage'), lookup(facts, 'data_parallel_ranks')]).toEqual([
        '1 or 2',
        2,
      ]);
      expect(sharding?.files.filter(({ bytes }) => bytes === undefined)).toEqual([
        { name: 'bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt', bytes: undefined },
      ]);
      // the weights are whole all the same
      expect(damage).toEqual([]);
      await close();
    }
  });

  it('is refused without model states', async () => {
    const top = folder({ 'zero_pp_rank_0_mp_rank_00_optim_states.pt': 'x' });
    await expect(openCheckpoint(top)).rejects.toMatchObject({
      code: 'missing-record',
      message: expect.stringContaining('DeepSpeed'),
    });
  });
});

describe('a folder that is told what it is, and what to give', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['nothing known', { 'readme.md': '' }, /none that is known to hold a checkpoint/],
    [
      'checkpoints',
      { 'a.pth': '', 'b.ckpt': '', 'c.txt': '' },
      /give the path of a checkpoint in it \(a\.pth, b\.ckpt\)/,
    ],
    [
      'many checkpoints',
      Object.fromEntries('abcdef'.split('').map((name) => [`${name}.pt`, ''])),
      /d\.pt, …\)/,
    ],
    ['a Hugging Face folder without weights', { 'config.json': '{}' }, /without weights/],
    [
      'a Hugging Face folder of another library',
      { 'config.json': '{}', 'tf_model.h5': '' },
      /not torch's \(tf_model\.h5\)/,
    ],
    ['a diffusers pipeline', { 'model_index.json': '{}', 'unet/': '' }, /diffusers pipeline/],
    [
      'several Lightning checkpoints',
      { 'version_0/checkpoints/a.ckpt': '', 'version_1/checkpoints/b.ckpt': '' },
      /Lightning log folder with 2 checkpoints \(version_0\/checkpoints\/a\.ckpt, version_1/,
    ],
    ['a tag that leads out of the folder', { latest: '../x' }, /none that is known/],
  ])('%s', async (_what, files, message) => {
    const error = await openCheckpoint(folder(files)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'is-directory', message: expect.stringMatching(message) });
  });
});
