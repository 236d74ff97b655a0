import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'dtype/integer-buffer-as-float',
  severity: 'info',
  needs: 'payload',
  title: 'A buffer of integers is stored in floating point',
  check(_checkpoint, { payload }) {
    const buffers = payload?.values?.integerBuffers ?? [];
    if (!buffers.length) return undefined;
    const subjects = buffers.map(({ tensor }) => tensor.name);
    const broken = buffers.filter(({ fractions }) => fractions > 0);
    const dtypes = [...new Set(buffers.map(({ tensor }) => tensor.dtype.name))];
    const harm =
      broken.length > 0
        ? `In ${listed(broken.map(({ tensor }) => tensor.name))} values are not even whole, as after an average of models: an index of 75.99 becomes 75, and the model is subtly wrong.`
        : 'Their values are still whole.';
    return {
      message: `${counted(subjects.length, 'buffer')} of integers (${listed(subjects)}) ${subjects.length === 1 ? 'is' : 'are'} stored as ${listed(dtypes)}: used as an index this is "expected scalar type Long" or "tensors used as indices must be long, int, byte or bool tensors". ${harm} fix keeps numbers as they are; fix --drop leaves the buffers out, and the model then makes its own.`,
      subjects,
    };
  },
});
