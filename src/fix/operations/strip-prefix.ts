import { findStateDicts } from '../../checkpoint/state-dicts.ts';
import { RefusedError } from '../../io/errors.ts';
import type { Value } from '../../pickle/values.ts';
import { renameKeys, renameMetadata } from '../key-renaming.ts';
import type { Operation } from '../operation.ts';

/**
 * Takes a prefix off the start of keys, in every mapping that holds tensors under such keys and nowhere else. Keys without the
 * prefix stay. `name.replace('module.', '')`, the folk remedy, would also damage the inner name in `encoder.module.weight`.
 *
 * @throws RefusedError for an empty prefix.
 */
export function stripPrefix(prefix: string): Operation {
  if (prefix === '')
    throw new RefusedError('prefix to strip is empty; give the letters that the keys start with');
  const name = prefix === 'module.' ? 'strip-module' : `strip-prefix ${prefix}`;
  const rename = (key: string) =>
    key.startsWith(prefix) && key.length > prefix.length ? key.slice(prefix.length) : key;
  const own = prefix.endsWith('.') ? prefix.slice(0, -1) : prefix;
  return {
    name,
    apply(draft) {
      let affected = 0;
      let kept = 0;
      for (const stateDict of findStateDicts(draft.checkpoint)) {
        if (!stateDict.tensorKeys.some((key) => rename(key) !== key)) continue;
        const left = stateDict.keys.filter((key) => typeof key === 'string' && rename(key) === key);
        const renamed = renameKeys(stateDict, rename);
        affected += renamed;
        kept += stateDict.keys.length - renamed;
        renameMetadata(stateDict, (module) => (isAround(module, own, left) ? '' : rename(module)));
      }
      draft.touch();
      const notes: string[] = [];
      if (affected === 0) notes.push(`no key of a tensor starts with '${prefix}'`);
      if (kept > 0)
        notes.push(`${kept} ${kept === 1 ? 'key' : 'keys'} beside them without the prefix kept as they are`);
      return { name, affected, noun: 'keys', notes };
    },
  };
}

/**
 * Whether a module is the one that goes, or stands between the root and it with no other key under it: the module whose parameters
 * are `module.weight` is called `module`.
 */
function isAround(module: string, stripped: string, left: readonly Value[]): boolean {
  if (module === stripped) return true;
  const under = `${module}.`;
  return stripped.startsWith(under) && !left.some((key) => String(key).startsWith(under));
}
