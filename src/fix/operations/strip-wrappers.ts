import { findStateDicts } from '../../checkpoint/state-dicts.ts';
import { renameKeys, renameMetadata } from '../key-renaming.ts';
import type { Operation } from '../operation.ts';

/** `DataParallel`'s and DDP's name for the model inside: a word that a person may give a module too, so only the start of a key counts. */
const PLAIN_WORD = 'module';
/** What torch.compile, FSDP, activation checkpointing and Lightning's or DeepSpeed's forwarding call the module inside. */
const WRAPPERS = new Set([
  '_orig_mod',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
  '_forward_module',
]);

/**
 * Takes the names of wrappers out of keys, however often they stand there and in whatever order: `module.` at the start, the others
 * wherever they are a whole part of the name.
 */
export function stripWrappers(): Operation {
  const name = 'strip-wrappers';
  return {
    name,
    apply(draft) {
      let affected = 0;
      for (const stateDict of findStateDicts(draft.checkpoint)) {
        if (!stateDict.tensorKeys.some((key) => unwrapped(key) !== key)) continue;
        affected += renameKeys(stateDict, unwrapped);
        renameMetadata(stateDict, unwrappedModule);
      }
      draft.touch();
      const notes = affected === 0 ? ['no key of a tensor names a wrapper'] : [];
      return { name, affected, noun: 'keys', notes };
    },
  };
}

/** The key without its wrappers. Its last part is the name of a parameter, whatever it is called. */
export function unwrapped(key: string): string {
  const parts = key.split('.');
  const last = parts.pop() as string;
  let start = 0;
  while (start < parts.length && (parts[start] === PLAIN_WORD || WRAPPERS.has(parts[start] as string)))
    start++;
  const kept = parts.slice(start).filter((part) => !WRAPPERS.has(part));
  return kept.length === parts.length ? key : [...kept, last].join('.');
}

/** The name of a module without its wrappers; a wrapper itself has that of the module inside. */
function unwrappedModule(module: string): string {
  return module === '' ? '' : unwrapped(`${module}.weight`).replace(/\.?weight$/, '');
}
