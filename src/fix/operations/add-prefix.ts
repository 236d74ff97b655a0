import { findStateDicts } from '../../checkpoint/state-dicts.ts';
import { RefusedError } from '../../io/errors.ts';
import { modelStateDicts, renameKeys, renameMetadata } from '../key-renaming.ts';
import type { Operation } from '../operation.ts';

/**
 * Puts a prefix before the keys of every state_dict of a model: what a DataParallel model wants to load. Optimizer states are left
 * alone, and so are mappings whose tensors stand under plain words beside others under dotted names (`rng_state` in a training
 * checkpoint).
 *
 * @throws RefusedError for an empty prefix.
 */
export function addPrefix(prefix: string): Operation {
  if (prefix === '')
    throw new RefusedError('prefix to add is empty; give the letters that the keys shall start with');
  const name = `add-prefix ${prefix}`;
  const module = prefix.endsWith('.') ? prefix.slice(0, -1) : prefix;
  return {
    name,
    apply(draft) {
      let affected = 0;
      for (const stateDict of modelStateDicts(findStateDicts(draft.checkpoint))) {
        affected += renameKeys(stateDict, (key) => prefix + key);
        renameMetadata(stateDict, (key) => (key === '' ? module : prefix + key));
      }
      draft.touch();
      const notes = affected === 0 ? ['no mapping holds the tensors of a model under string keys'] : [];
      return { name, affected, noun: 'keys', notes };
    },
  };
}
