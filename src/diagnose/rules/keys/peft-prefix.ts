import { hasOnlyAdapters, isAdapterKey, PEFT_PREFIX } from '../../adapter-keys.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed, namesUnder, placeName, printable } from '../../wording.ts';

export default defineRule({
  id: 'keys/peft-prefix',
  severity: 'info',
  needs: 'pickle',
  title: "Keys begin with 'base_model.model.', as PEFT models save them",
  check(_checkpoint, { stateDicts }) {
    // an adapter's own file has the prefix by design, and PEFT wants it there
    const held = stateDicts.filter(
      (stateDict) => stateDict.tensorKeys.some(hasPrefix) && !hasOnlyAdapters(stateDict),
    );
    const key = held[0]?.tensorKeys.find(hasPrefix);
    if (!key) return undefined;
    const subjects = held.flatMap(({ path, tensorKeys }) =>
      tensorKeys.filter(hasPrefix).map(namesUnder(path)),
    );
    const adapters = held.some(({ tensorKeys }) => tensorKeys.some(isAdapterKey));
    const cure = adapters
      ? 'Adapters are not merged into the weights yet: call merge_and_unload() and save again, fix does not do that.'
      : `fix --strip-prefix ${PEFT_PREFIX} takes it away.`;
    return {
      message: `${counted(subjects.length, 'key')} in ${listed(held.map(({ path }) => placeName(path)))} begin with "${PEFT_PREFIX}", as a model wrapped by PEFT has it: the bare model answers 'Missing key(s) in state_dict: "${printable(key.slice(PEFT_PREFIX.length))}" … Unexpected key(s) in state_dict: "${printable(key)}"'. ${cure}`,
      subjects,
    };
  },
});

function hasPrefix(key: string): boolean {
  return key.startsWith(PEFT_PREFIX) && key.length > PEFT_PREFIX.length;
}
