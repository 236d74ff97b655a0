import { pathName } from '../checkpoint/path.ts';
import type { StateDict } from '../checkpoint/state-dicts.ts';
import { RefusedError } from '../io/errors.ts';
import { entriesOf, lookup, PyObject, type Value } from '../pickle/values.ts';

/** The new name of a key; the same where it stays. */
export type Rename = (key: string) => string;

/**
 * Renames the string keys of a state_dict where they stand.
 * @returns how many keys got another name.
 * @throws RefusedError where two keys would become one; it names both.
 */
export function renameKeys(stateDict: StateDict, rename: Rename): number {
  const taken = new Map<string, string>();
  for (const key of stateDict.keys) {
    if (typeof key !== 'string') continue;
    const name = rename(key);
    const other = taken.get(name);
    if (other !== undefined && other !== key) {
      const place = stateDict.path.length ? ` in ${pathName(stateDict.path)}` : '';
      throw new RefusedError(
        `keys '${other}' and '${key}'${place} would both become '${name}'; drop or rename one of them first`,
      );
    }
    taken.set(name, key);
  }
  let renamed = 0;
  for (const { keys } of stateDict.runs) {
    for (const [index, key] of keys.entries()) {
      if (typeof key !== 'string') continue;
      const name = rename(key);
      if (name === key) continue;
      keys[index] = name;
      renamed++;
    }
  }
  return renamed;
}

/**
 * Renames the module names in the `_metadata` that `Module.state_dict()` hangs on its OrderedDict. Where two names become one, the
 * renamed entry takes the place of the other, as in torch's own `consume_prefix_in_state_dict_if_present`.
 */
export function renameMetadata(stateDict: StateDict, rename: Rename): void {
  for (const metadata of metadataOf(stateDict.node)) {
    const entries = entriesOf(metadata);
    if (!entries) continue;
    const { keys, values } = entries;
    const renamed = new Map<Value, { value: Value; moved: boolean }>();
    for (const [index, key] of keys.entries()) {
      const name = typeof key === 'string' ? rename(key) : key;
      const moved = name !== key;
      const standing = renamed.get(name);
      if (standing === undefined || moved || !standing.moved) {
        renamed.set(name, { value: values[index] as Value, moved });
      }
    }
    keys.splice(0, keys.length, ...renamed.keys());
    values.splice(0, values.length, ...Array.from(renamed.values(), (entry) => entry.value));
  }
}

/**
 * What a rename of parameters does to the names of the modules that they stand in: `encoder` becomes `enc` where `encoder.weight`
 * becomes `enc.weight`. A module is judged by the first key under it; one without any keeps its name, unless the rename takes
 * `encoder.` itself.
 */
export function moduleRename(keys: readonly Value[], rename: Rename): Rename {
  const firstKey = new Map<string, string>();
  for (const key of keys) {
    if (typeof key !== 'string') continue;
    for (let dot = key.lastIndexOf('.'); dot > 0; dot = key.lastIndexOf('.', dot - 1)) {
      const module = key.slice(0, dot);
      if (firstKey.has(module)) break;
      firstKey.set(module, key);
    }
  }
  return (module) => {
    if (module === '') return '';
    const key = firstKey.get(module) ?? `${module}.`;
    const rest = key.slice(module.length + 1);
    const renamed = rename(key);
    if (renamed === rest) return '';
    return renamed.endsWith(`.${rest}`) ? renamed.slice(0, renamed.length - rest.length - 1) : module;
  };
}

/**
 * The state_dicts of models: not what optimizers keep, and no mapping whose tensors stand under plain words beside others under
 * dotted names (`rng_state` in a training checkpoint).
 */
export function modelStateDicts(all: readonly StateDict[]): StateDict[] {
  const candidates = all.filter((stateDict) => !stateDict.inOptimizer);
  const dotted = candidates.filter((stateDict) => stateDict.tensorKeys.some((key) => key.includes('.')));
  return dotted.length > 0 ? dotted : candidates;
}

function metadataOf(node: StateDict['node']): Value[] {
  if (!(node instanceof PyObject)) return [];
  return (node.effects ?? []).flatMap((effect) => {
    const metadata = effect.op === 'build' ? lookup(effect.state, '_metadata') : undefined;
    return metadata === undefined ? [] : [metadata];
  });
}
