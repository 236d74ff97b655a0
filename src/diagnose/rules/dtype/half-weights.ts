import { defineRule } from '../../define-rule.ts';
import { mismatchFailure } from '../../float-words.ts';
import type { WeightGroup } from '../../weight-groups.ts';
import { counted, listed, placeName } from '../../wording.ts';

export default defineRule({
  id: 'dtype/half-weights',
  severity: 'info',
  needs: 'pickle',
  title: 'The weights are stored in float16',
  check(_checkpoint, { weightGroups }) {
    const groups = weightGroups.filter(
      ({ dtypes, mainDtype }) => dtypes.has('float16') && mainDtype === 'float16',
    );
    if (!groups.length) return undefined;
    const subjects = groups.flatMap(namesOf);
    return {
      message: `${counted(subjects.length, 'tensor')} in ${listed(groups.map(({ path }) => placeName(path)))} ${subjects.length === 1 ? 'is' : 'are'} float16. load_state_dict casts to the dtype of the model; used as saved, float32 input fails with "${mismatchFailure('float32', 'float16')}", and torch 1.x has no CPU kernels for them ("addmm_impl_cpu_" not implemented for 'Half'). fix --dtype float32 widens them, and no number changes.`,
      subjects,
    };
  },
});

function namesOf({ weights }: WeightGroup): string[] {
  return weights.filter(({ tensor }) => tensor.dtype.name === 'float16').map(({ name }) => name);
}
