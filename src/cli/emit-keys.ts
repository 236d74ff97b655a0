import { openCheckpoint } from '../formats/open.ts';
import { RefusedError } from '../io/errors.ts';
import { keysDocument } from '../policy/keys-file.ts';
import type { Context, GlobalOptions } from './context.ts';
import { tellFailure } from './failure.ts';

/** Prints the `keys.json` of a checkpoint that is as it should be, so that others can be held against it. */
export async function emitKeys(
  files: readonly string[],
  options: GlobalOptions,
  context: Context,
): Promise<void> {
  const [file] = files;
  try {
    if (file === undefined || files.length > 1) throw new RefusedError('--emit-keys takes one file');
    const checkpoint = await openCheckpoint(file);
    try {
      const { keys, ...rest } = keysDocument(checkpoint);
      // one line a key, for diffs and grep
      const lines = Object.entries(keys).map(
        ([key, tensor]) => `    ${JSON.stringify(key)}: ${JSON.stringify(tensor)}`,
      );
      const head = Object.entries(rest).map(
        ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`,
      );
      await context.stdout.write(`{\n${head.join('')}  "keys": {\n${lines.join(',\n')}\n  }\n}\n`);
    } finally {
      await checkpoint.close();
    }
  } catch (error) {
    await tellFailure(error, files.length > 1 ? undefined : file, context, options);
  }
}
