import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'values/fp16-overflow',
  severity: 'info',
  needs: 'payload',
  title: 'Values are too large for float16',
  check(_checkpoint, { payload }) {
    const hit =
      payload?.values?.statistics.filter(
        ({ tensor, summary }) => tensor.dtype.family === 'float' && summary && summary.float16.overflow > 0,
      ) ?? [];
    const subjects = [...new Set(hit.map(({ tensor }) => tensor.name))];
    if (!subjects.length) return undefined;
    const over = hit.reduce((sum, { summary }) => sum + (summary?.float16.overflow ?? 0), 0);
    return {
      message: `${counted(over, 'value')} in ${counted(subjects.length, 'tensor')} (${listed(subjects)}) ${over === 1 ? 'is' : 'are'} beyond 65504, the largest float16: model.half() would make ${over === 1 ? 'it' : 'them'} Inf without a word. fix --dtype float16 refuses that; take --dtype bfloat16, or leave ${subjects.length === 1 ? 'it' : 'them'} out with --dtype-exclude.`,
      subjects,
    };
  },
});
