import { defineRule } from '../../define-rule.ts';
import { mismatchFailure } from '../../float-words.ts';
import type { WeightGroup } from '../../weight-groups.ts';
import { counted, listed, placeName } from '../../wording.ts';

export default defineRule({
  id: 'dtype/half-weights',
  severity: 'info',
  needs: 'pickle',
  title: 'The weights are stored in 16-bit floating point',
  check(_checkpoint, { weightGroups }) {
    return ['float16', 'bfloat16'].flatMap((dtype) => {
      const groups = weightGroups.filter((group) => group.dtypes.has(dtype) && group.mainDtype === dtype);
      if (!groups.length) return [];
      const subjects = groups.flatMap((group) => namesOf(group, dtype));
      const onCpu =
        dtype === 'float16'
          ? ', and torch 1.x has no CPU kernels for them ("addmm_impl_cpu_" not implemented for \'Half\')'
          : '';
      return [
        {
          message: `${counted(subjects.length, 'tensor')} in ${listed(groups.map(({ path }) => placeName(path)))} ${subjects.length === 1 ? 'is' : 'are'} ${dtype}. load_state_dict casts to the dtype of the model; used as saved, float32 input fails with "${mismatchFailure('float32', dtype)}"${onCpu}.`,
          subjects,
        },
      ];
    });
  },
});

function namesOf({ weights }: WeightGroup, dtype: string): string[] {
  return weights.filter(({ tensor }) => tensor.dtype.name === dtype).map(({ name }) => name);
}
