import { hasOnlyAdapters } from '../../adapter-keys.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed, namesOf, placeName, printable } from '../../wording.ts';

export default defineRule({
  id: 'layout/adapter-only',
  severity: 'info',
  needs: 'pickle',
  title: 'The file holds adapters (LoRA) and not the model that they are for',
  check(_checkpoint, { stateDicts }) {
    const adapters = stateDicts.filter((stateDict) => !stateDict.inOptimizer && hasOnlyAdapters(stateDict));
    const first = adapters[0];
    if (!first) return undefined;
    const subjects = namesOf(adapters.map(({ path, tensorKeys: keys }) => ({ path, keys })));
    return {
      message: `${counted(subjects.length, 'tensor')} in ${listed(adapters.map(({ path }) => placeName(path)))} ${subjects.length === 1 ? 'is an adapter' : 'are adapters'} for a model that is not in the file: its own load_state_dict fails with 'Missing key(s) in state_dict … Unexpected key(s) in state_dict: "${printable(first.tensorKeys[0] as string)}"'. Load the base model first, then this file with the library that made it (PeftModel.from_pretrained, load_lora_weights); fix does not merge them.`,
      subjects,
    };
  },
});
