import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'values/nan',
  severity: 'warning',
  needs: 'payload',
  title: 'Tensors hold NaN',
  check(_checkpoint, { payload }) {
    const hit = payload?.values?.statistics.filter(({ summary }) => summary && summary.nan > 0) ?? [];
    const subjects = [...new Set(hit.map(({ tensor }) => tensor.name))];
    if (!subjects.length) return undefined;
    const nan = hit.reduce((sum, { summary }) => sum + (summary?.nan ?? 0), 0);
    return {
      message: `${counted(subjects.length, 'tensor')} (${listed(subjects)}) ${subjects.length === 1 ? 'holds' : 'hold'} NaN, ${nan} in all: torch.load says nothing, and whatever the model computes from them is NaN ("loss is nan", black images). Take an earlier checkpoint; fix can not know what stood there.`,
      subjects,
    };
  },
});
