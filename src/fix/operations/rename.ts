import { findStateDicts } from '../../checkpoint/state-dicts.ts';
import { RefusedError } from '../../io/errors.ts';
import { modelStateDicts, moduleRename, type Rename, renameKeys, renameMetadata } from '../key-renaming.ts';
import type { Operation } from '../operation.ts';

/**
 * Renames the keys of every state_dict of a model by a regular expression, each of its matches in a key. Optimizer states are left
 * alone.
 *
 * @param spec `<regex>=<replacement>`, cut at its last `=`; groups are `$1`, `$<name>`, or `\1` as in Python.
 * @throws RefusedError for a spec that is none.
 */
export function rename(spec: string): Operation {
  const change = parseSpec(spec);
  const name = `rename ${spec}`;
  return {
    name,
    apply(draft) {
      let affected = 0;
      for (const stateDict of modelStateDicts(findStateDicts(draft.checkpoint))) {
        const renameModule = moduleRename(stateDict.keys, change);
        affected += renameKeys(stateDict, change);
        renameMetadata(stateDict, renameModule);
      }
      draft.touch();
      const notes = affected === 0 ? ['no key of a model matches'] : [];
      return { name, affected, noun: 'keys', notes };
    },
  };
}

function parseSpec(spec: string): Rename {
  const split = spec.lastIndexOf('=');
  if (split <= 0) {
    throw new RefusedError(
      `--rename '${spec}' is no pair like '^encoder\\.=enc.': a regular expression, =, what to put for it`,
    );
  }
  const replacement = spec.slice(split + 1).replace(/\\(\d)/g, '$$$1');
  let pattern: RegExp;
  try {
    pattern = new RegExp(spec.slice(0, split), 'g');
  } catch (error) {
    throw new RefusedError(`--rename '${spec}': ${(error as Error).message}`);
  }
  return (key) => {
    const renamed = key.replace(pattern, replacement);
    if (renamed === '') throw new RefusedError(`--rename '${spec}' leaves nothing of the key '${key}'`);
    return renamed;
  };
}
