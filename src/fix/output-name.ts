import { format, join, parse } from 'node:path';
import { RefusedError } from '../io/errors.ts';
import type { OutputForm } from './outputs/output.ts';

/** Endings that promise another container than the one that fix writes; torch.load itself goes by `.safetensors`. */
const OTHER_CONTAINER = /((\.(safetensors|bin))?\.index)?\.(safetensors|json|pt2|ptl|gz|tgz|zip)$/i;
/** Endings of torch files, which say nothing once the file is another. */
const TORCH_ENDING = /(\.(pth|pt|bin|ckpt|pkl|tar|model))+$/i;

/**
 * `model.fixed.pth` beside `model.pth`; a name that speaks of another container, and a folder, get `.pth`. What becomes safetensors
 * is `model.safetensors`, and `model.fixed.safetensors` where the input has that name. What is spread over several files is `model.bin`.
 */
export function defaultOutput(
  input: string,
  isFolder = false,
  form: OutputForm = 'torch',
  isSpread = false,
): string {
  const { dir, base, name, ext } = parse(input);
  const isOther = OTHER_CONTAINER.test(base);
  const stem = isFolder ? base : base.replace(OTHER_CONTAINER, '').replace(TORCH_ENDING, '') || base;
  if (form === 'safetensors') {
    const same = !isFolder && /\.safetensors(\.index\.json)?$/i.test(base);
    return format({ dir, name: same ? `${stem}.fixed` : stem, ext: '.safetensors' });
  }
  if (isSpread) {
    const same = !isFolder && /\.bin(\.index\.json)?$/i.test(base);
    return format({ dir, name: same ? `${stem}.fixed` : stem, ext: '.bin' });
  }
  if (isFolder || isOther) return format({ dir, name: `${stem}.fixed`, ext: '.pth' });
  return format({ dir, name: `${name}.fixed`, ext });
}

/** What transformers and diffusers look for in a folder. */
export function pretrainedOutput(folder: string, form: OutputForm): string {
  return join(folder, form === 'safetensors' ? 'model.safetensors' : 'pytorch_model.bin');
}

/** `model-00001-of-00003.safetensors` … and `model.safetensors.index.json` for the output `model.safetensors`. */
export function shardNames(output: string, count: number): string[] {
  const { dir, name, ext } = parse(output);
  const digits = (number: number) => String(number).padStart(5, '0');
  const shards = Array.from({ length: count }, (_, index) =>
    format({ dir, name: `${name}-${digits(index + 1)}-of-${digits(count)}`, ext }),
  );
  return [...shards, `${output}.index.json`];
}

/** torch.load takes a file for safetensors by its name alone. @throws RefusedError where the name says otherwise than the form. */
export function checkEnding(output: string, form: OutputForm): void {
  const isSafetensors = /\.safetensors$/i.test(output);
  if (isSafetensors && form !== 'safetensors') {
    throw new RefusedError(
      `output ${output} would be a torch file, but torch.load takes a file of that name for safetensors; name it .pth, or add --to safetensors`,
    );
  }
  if (!isSafetensors && form === 'safetensors') {
    throw new RefusedError(
      `output ${output} would be safetensors, but no reader takes a file of that name for it; name it .safetensors`,
    );
  }
}
