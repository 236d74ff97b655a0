import { childNames, valueAt } from '../../checkpoint/resolve-path.ts';
import { RefusedError } from '../../io/errors.ts';
import type { Operation } from '../operation.ts';

/** Names that a refusal lists. */
const NAMED = 12;

/**
 * Makes the value at a path the root of the checkpoint: `state_dict`, `ema`, `callbacks.0`.
 * @throws RefusedError for an empty path.
 */
export function extract(path: string): Operation {
  if (path === '')
    throw new RefusedError('path to extract is empty; give the name that inspect shows, like state_dict');
  const name = `extract ${path}`;
  return {
    name,
    apply(draft) {
      const { root, tensors } = draft.checkpoint;
      const value = valueAt(root, path);
      if (value === undefined)
        throw new RefusedError(`nothing stands at '${path}'; ${whatStands(childNames(root))}`);
      draft.setRoot(value);
      const kept = draft.checkpoint.tensors.length;
      const left = tensors.length - kept;
      const notes = left > 0 ? [`${left} of ${tensors.length} tensors stand elsewhere and are left out`] : [];
      return { name, affected: kept, noun: 'tensors', notes };
    },
  };
}

function whatStands(names: readonly string[]): string {
  if (names.length === 0) return 'the root holds nothing';
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `the root holds ${names.slice(0, NAMED).join(', ')}${more}`;
}
