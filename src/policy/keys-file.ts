import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { StateDict } from '../checkpoint/state-dicts.ts';
import { findStateDicts } from '../checkpoint/state-dicts.ts';
import type { ExpectedKeys, ExpectedTensor } from '../diagnose/expected-keys.ts';
import { optimizerGroups } from '../diagnose/optimizer-groups.ts';
import { RefusedError } from '../io/errors.ts';
import { dtypeByName } from '../torch/dtypes.ts';

export const KEYS_SCHEMA = 'ckpt-doctor/keys/1';

/** `keys.json`: the names, shapes and dtypes of a model. */
export interface KeysDocument {
  readonly schema: typeof KEYS_SCHEMA;
  readonly keys: Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype?: string }>>;
  readonly optimizerGroups?: readonly number[];
}

/** @throws RefusedError when the file can't be read or is no such document; the message names the key. */
export async function readKeys(path: string): Promise<ExpectedKeys> {
  const source = relative(process.cwd(), path) || path;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RefusedError(
      `${source}: ${missing ? 'no such file' : error instanceof SyntaxError ? `this is no JSON: ${error.message}` : `it can't be read: ${(error as Error).message}`}`,
    );
  }
  const { parseKeys } = await import('./keys-schema.ts');
  const { keys, optimizerGroups: groups } = parseKeys(value, source);
  const expected = new Map<string, ExpectedTensor>();
  for (const [key, { shape, dtype }] of Object.entries(keys)) {
    expected.set(key, { shape, ...(dtype !== undefined && { dtype: dtypeOf(dtype, key, source) }) });
  }
  return { keys: expected, ...(groups && { optimizerGroups: groups }) };
}

function dtypeOf(name: string, key: string, source: string): string {
  const dtype = dtypeByName(name.replace(/^torch\./, ''));
  if (!dtype)
    throw new RefusedError(`${source}: keys.${key}.dtype: torch has no dtype ${JSON.stringify(name)}`);
  return dtype.name;
}

/**
 * The keys of a checkpoint as the model that it was saved from would list them: those of its largest state_dict outside of optimizers.
 * @throws RefusedError where the checkpoint has no state_dict.
 */
export function keysDocument(checkpoint: Checkpoint): KeysDocument {
  const model = findStateDicts(checkpoint)
    .filter(({ inOptimizer }) => !inOptimizer)
    .reduce<StateDict | undefined>(
      (largest, each) => (largest && largest.tensorKeys.length >= each.tensorKeys.length ? largest : each),
      undefined,
    );
  if (!model) throw new RefusedError('no state_dict was found, so there are no keys to list');
  const groups = optimizerGroups(checkpoint.root)[0]?.sizes;
  const keys = model.tensorKeys.map(
    (key, index) => [key, describe(model.tensors[index] as StateDict['tensors'][number])] as const,
  );
  return {
    schema: KEYS_SCHEMA,
    keys: Object.fromEntries(keys),
    ...(groups && { optimizerGroups: groups }),
  };
}

function describe({ shape, dtype }: StateDict['tensors'][number]): {
  shape: readonly number[];
  dtype: string;
} {
  return { shape, dtype: dtype.name };
}
