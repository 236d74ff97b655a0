import { defineRule } from '../../define-rule.ts';
import { mismatchFailure } from '../../float-words.ts';
import { counted, listed, placeName } from '../../wording.ts';

export default defineRule({
  id: 'dtype/bfloat16',
  severity: 'info',
  needs: 'pickle',
  title: 'The weights are stored in bfloat16, which numpy does not have',
  check(_checkpoint, { weightGroups }) {
    const groups = weightGroups.filter(
      ({ dtypes, mainDtype }) => dtypes.has('bfloat16') && mainDtype === 'bfloat16',
    );
    if (!groups.length) return undefined;
    const subjects = groups.flatMap(({ weights }) =>
      weights.filter(({ tensor }) => tensor.dtype.name === 'bfloat16').map(({ name }) => name),
    );
    return {
      message: `${counted(subjects.length, 'tensor')} in ${listed(groups.map(({ path }) => placeName(path)))} ${subjects.length === 1 ? 'is' : 'are'} bfloat16. load_state_dict casts to the dtype of the model; used as saved, float32 input fails with "${mismatchFailure('float32', 'bfloat16')}", and .numpy() with "Got unsupported ScalarType BFloat16". fix --dtype float32 widens them, and no number changes.`,
      subjects,
    };
  },
});
