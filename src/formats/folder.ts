import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { UnreadableError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import { isDeepspeedFile, openDeepspeed } from './deepspeed.ts';
import { FolderFiles } from './folder-files.ts';
import { openSource } from './open.ts';
import { retold } from './retold.ts';
import { withStrays } from './sweep-folder.ts';

/** Names of weights that libraries of Hugging Face look for, in the order in which `from_pretrained` takes them. */
const MODEL_FILES = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'adapter_model.safetensors',
  'adapter_model.bin',
  'diffusion_pytorch_model.safetensors',
  'diffusion_pytorch_model.safetensors.index.json',
  'diffusion_pytorch_model.bin',
  'consolidated.safetensors',
];
/** What a model folder holds beside its weights. */
const MODEL_SIGNS = [
  'config.json',
  'adapter_config.json',
  'model_index.json',
  'tokenizer.json',
  'training_args.bin',
];
/** Weights of a model folder that no torch.load reads. */
const OTHER_WEIGHTS = /^(tf_model\.h5|flax_model\.msgpack|.*\.gguf|.*\.onnx)$/;
const CHECKPOINT_FILE = /\.(pth|pt|bin|ckpt|pkl|pickle|tar|t7|safetensors|ptl|pt2)$/i;
/** Candidates that an error lists. */
const MOST_NAMES = 4;

/**
 * Opens a folder that is known to hold one checkpoint: of torch.distributed.checkpoint, of DeepSpeed, a Hugging Face model, the logs
 * of a Lightning run with a single checkpoint. The pickles that stand beside it in the folder are looked at too.
 *
 * @throws UnreadableError `is-directory` for every other folder; the message names the checkpoints that it has seen in it.
 */
export async function openFolder(path: string): Promise<Checkpoint> {
  const names = await namesIn(path);
  if (names.includes('.metadata')) {
    const { openDistcp } = await import('./distcp.ts');
    const checkpoint = await openDistcp(path);
    return withStrays(checkpoint, path, namesOf(checkpoint));
  }
  if (names.some(isDeepspeedFile)) return openDeepspeed(path, path);
  const tag = names.includes('latest') ? await latestTag(path) : undefined;
  if (tag !== undefined && names.includes(tag))
    return withStrays(await openDeepspeed(join(path, tag), path), path, []);
  const model = MODEL_FILES.find((name) => names.includes(name));
  if (model) return openWithin(path, model, 'Hugging Face model folder');
  const run = await lightningCheckpoints(path, names);
  const [only] = run;
  if (only && run.length === 1) return openWithin(path, only, 'Lightning log folder');
  throw unopened(names, run);
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') {
      throw new UnreadableError(
        'permission',
        'permission denied; make the folder readable and enterable for you (chmod u+rx)',
      );
    }
    throw new UnreadableError('io', `the system could not list the folder (${code})`);
  }
}

/** DeepSpeed names the folder of its last checkpoint in a file. */
async function latestTag(path: string): Promise<string | undefined> {
  const text = await readFile(join(path, 'latest'), 'utf8').catch(() => '');
  const tag = text.trim();
  return tag === '' || tag.length > 200 || /[\\/\0\n]|^\.\.?$/.test(tag) ? undefined : tag;
}

/** Opens a file of the folder under the path of the folder. */
async function openWithin(path: string, name: string, folder: string): Promise<Checkpoint> {
  const source = await openFile(join(path, name));
  const siblings = new FolderFiles(path);
  try {
    const checkpoint = await openSource(source, path, (sibling) => siblings.open(sibling));
    const told = `${folder} (${name})`;
    const named = { ...checkpoint, container: { ...checkpoint.container, folder: told } };
    return await withStrays(named, path, [name, ...namesOf(checkpoint)]);
  } catch (error) {
    await Promise.all([source.close?.(), siblings.close()]);
    if (error instanceof UnreadableError)
      throw retold(error, `${name} in it: ${error.message}`, error.offset);
    throw error;
  }
}

/** The files that a checkpoint of several was read from. */
function namesOf({ sharding }: Checkpoint): string[] {
  return sharding?.files.map(({ name }) => name) ?? [];
}

/** `checkpoints/*.ckpt` of the folder itself and of its `version_N`, as Lightning's loggers lay them out. */
async function lightningCheckpoints(path: string, names: readonly string[]): Promise<string[]> {
  const isLog = names.some((name) =>
    /^(version_\d+|hparams\.yaml|checkpoints|lightning_logs|metrics\.csv)$/.test(name),
  );
  if (!isLog) return names.filter((name) => name.endsWith('.ckpt') && names.includes('hparams.yaml'));
  const found: string[] = [];
  const runs = names.filter((name) => /^(version_\d+|lightning_logs)$/.test(name));
  const folders = [...(names.includes('checkpoints') ? ['checkpoints'] : []), ...runs];
  // a log folder is three deep: lightning_logs/version_0/checkpoints
  for (let depth = 0; depth < 3; depth++) {
    for (const folder of folders.splice(0)) {
      const within = await readdir(join(path, folder)).catch(() => [] as string[]);
      for (const name of within.sort()) {
        if (name.endsWith('.ckpt')) found.push(`${folder}/${name}`);
        else if (name === 'checkpoints' || /^version_\d+$/.test(name)) folders.push(`${folder}/${name}`);
      }
    }
  }
  return [...names.filter((name) => name.endsWith('.ckpt')), ...found];
}

function unopened(names: readonly string[], run: readonly string[]): UnreadableError {
  const refuse = (what: string) => new UnreadableError('is-directory', `is ${what}`);
  if (run.length > 1)
    return refuse(
      `a Lightning log folder with ${run.length} checkpoints (${some(run)}); give the path of one`,
    );
  if (names.includes('model_index.json')) {
    return refuse(
      'a folder of a diffusers pipeline; give one of its parts, the folder unet, transformer, vae or text_encoder',
    );
  }
  const other = names.filter((name) => OTHER_WEIGHTS.test(name));
  if (names.some((name) => MODEL_SIGNS.includes(name))) {
    return refuse(
      other.length > 0
        ? `a Hugging Face model folder whose weights are not torch's (${some(other)}); get model.safetensors or pytorch_model.bin`
        : 'a Hugging Face model folder without weights; get model.safetensors or pytorch_model.bin (git lfs pull)',
    );
  }
  const files = names.filter((name) => CHECKPOINT_FILE.test(name));
  return refuse(
    files.length > 0
      ? `a folder, not a file; give the path of a checkpoint in it (${some(files)})`
      : 'a folder, not a file, and none that is known to hold a checkpoint; give the path of a checkpoint file',
  );
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(', ');
  return names.length > MOST_NAMES ? `${shown}, …` : shown;
}
