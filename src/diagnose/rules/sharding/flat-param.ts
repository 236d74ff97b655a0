import { defineRule } from '../../define-rule.ts';
import { isFlatParameter } from '../../key-names.ts';
import { counted, listed, namesOf, printable } from '../../wording.ts';

export default defineRule({
  id: 'sharding/flat-param',
  severity: 'error',
  needs: 'pickle',
  title: 'Weights are flattened FSDP parameters, without their names and shapes',
  check(_checkpoint, { stateDicts }) {
    const found = stateDicts
      .filter(({ inOptimizer }) => !inOptimizer)
      .map(({ path, tensorKeys }) => ({
        path,
        keys: tensorKeys.filter(isFlatParameter),
      }))
      .filter(({ keys }) => keys.length);
    const first = found[0]?.keys[0];
    if (first === undefined) return undefined;
    const subjects = namesOf(found);
    return {
      message: `${counted(subjects.length, 'key is a flattened parameter', 'keys are flattened parameters')} of FSDP (${listed(subjects)}): the names and shapes of the weights in them are lost, and the model answers 'Missing key(s) in state_dict … Unexpected key(s) in state_dict: "${printable(first)}"'. This can't be healed from the file: load it into the same FSDP model, and save with StateDictType.FULL_STATE_DICT.`,
      subjects,
    };
  },
});
