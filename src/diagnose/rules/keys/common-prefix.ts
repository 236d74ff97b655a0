import type { StateDict } from '../../../checkpoint/state-dicts.ts';
import { defineRule } from '../../define-rule.ts';
import { HOLDERS } from '../../key-names.ts';
import { counted, listed, namesOf, placeName, printable } from '../../wording.ts';
import type { Wrapping } from '../../wrappers.ts';

export default defineRule({
  id: 'keys/common-prefix',
  severity: 'info',
  needs: 'pickle',
  title: 'All keys begin with the name of the attribute that held the model',
  check(_checkpoint, { wrappings }) {
    const held = wrappings
      .map((wrapping) => ({ stateDict: wrapping.stateDict, holder: holderOf(wrapping) }))
      .filter((each): each is { stateDict: StateDict; holder: string } => each.holder !== undefined);
    const first = held[0];
    if (!first) return undefined;
    const holders = [...new Set(held.map(({ holder }) => `${holder}.`))];
    const subjects = namesOf(held.map(({ stateDict: { path, tensorKeys: keys } }) => ({ path, keys })));
    const key = first.stateDict.tensorKeys[0] as string;
    return {
      message: `All ${counted(subjects.length, 'key')} in ${listed(held.map(({ stateDict: { path } }) => placeName(path)))} begin with ${listed(holders.map((name) => `"${name}"`))}, as when a LightningModule or another object holds the model: the bare model misses "${printable(key.slice(first.holder.length + 1))}" and does not expect "${printable(key)}". If that is what you load it into, ${listed(holders.map((name) => `fix --strip-prefix ${name}`))} takes it away.`,
      subjects,
    };
  },
});

/** Where a wrapper's prefix stands before the keys, it has to go first. */
function holderOf({ stateDict: { tensorKeys, inOptimizer }, kinds }: Wrapping): string | undefined {
  const first = tensorKeys[0]?.split('.', 1)[0] ?? '';
  if (inOptimizer || tensorKeys.length < 2 || !HOLDERS.has(first) || kinds.some(Boolean)) return undefined;
  return tensorKeys.every((key) => key.startsWith(`${first}.`)) ? first : undefined;
}
