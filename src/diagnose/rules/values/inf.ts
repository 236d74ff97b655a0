import type { TensorStatistics } from '../../../numeric/statistics.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'values/inf',
  severity: 'warning',
  needs: 'payload',
  title: 'Tensors hold infinities',
  check(_checkpoint, { payload }) {
    const hit = payload?.values?.statistics.filter(isHit) ?? [];
    const subjects = [...new Set(hit.map(({ tensor }) => tensor.name))];
    if (!subjects.length) return undefined;
    const infinite = hit.reduce((sum, statistics) => sum + infinitiesOf(statistics), 0);
    return {
      message: `${counted(subjects.length, 'tensor')} (${listed(subjects)}) ${subjects.length === 1 ? 'holds' : 'hold'} +Inf or -Inf, ${infinite} in all: torch.load says nothing, and what the model computes from them is Inf or NaN. Often a cast to float16 made them of values beyond 65504. Take the checkpoint from before it; fix can not know what stood there.`,
      subjects,
    };
  },
});

function infinitiesOf({ summary }: TensorStatistics): number {
  return (summary?.positiveInfinity ?? 0) + (summary?.negativeInfinity ?? 0);
}

/** A mask of attention is made of -Inf and 0, and nothing else. */
function isHit(statistics: TensorStatistics): boolean {
  const { summary } = statistics;
  if (!summary || infinitiesOf(statistics) === 0) return false;
  return summary.positiveInfinity > 0 || summary.zeros + summary.negativeInfinity < summary.count;
}
