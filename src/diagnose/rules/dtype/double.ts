import { defineRule } from '../../define-rule.ts';
import { mismatchFailure } from '../../float-words.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'dtype/double',
  severity: 'info',
  needs: 'pickle',
  title: 'Weights or buffers are stored in float64',
  check(_checkpoint, { weightGroups }) {
    const groups = weightGroups.filter(({ dtypes }) => dtypes.has('float64'));
    const doubles = groups.flatMap(({ weights }) =>
      weights.filter(({ tensor }) => tensor.dtype.name === 'float64'),
    );
    if (!doubles.length) return undefined;
    const subjects = doubles.map(({ name }) => name);
    const whole = groups.some(({ mainDtype }) => mainDtype === 'float64');
    const use = whole
      ? `Where float64 is not meant, they take twice the bytes, and float32 input fails with "${mismatchFailure('float32', 'float64')}" once they are used as saved; a plain load_state_dict casts.`
      : 'They are few among narrower ones, as numpy leaves them: a plain load_state_dict casts to the model.';
    return {
      message: `${counted(subjects.length, 'tensor is', 'tensors are')} float64 (${listed(subjects)}). ${use} Apple GPUs refuse them: "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64". fix --dtype float32 rounds them as torch does.`,
      subjects,
    };
  },
});
