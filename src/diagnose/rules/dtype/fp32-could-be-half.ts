import { isConstant } from '../../../numeric/summary.ts';
import { bytesAmount } from '../../amounts.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import type { Examination } from '../../examination.ts';
import type { WeightGroup } from '../../weight-groups.ts';
import { counted, placeName } from '../../wording.ts';

export default defineRule({
  id: 'dtype/fp32-could-be-half',
  severity: 'info',
  needs: 'payload',
  title: 'Every float32 weight would be the same in 16 bits',
  check(_checkpoint, examination) {
    return examination.weightGroups.flatMap((group) => resultOf(group, examination) ?? []);
  },
});

function resultOf(group: WeightGroup, { payload }: Examination): RuleResult | undefined {
  const { values } = payload ?? {};
  if (!values || group.mainDtype !== 'float32') return undefined;
  const weights = group.weights.flatMap(({ name, tensor }) => {
    const summary = values.summaries.get(tensor.node);
    return tensor.dtype.name === 'float32' && summary ? [{ name, tensor, summary }] : [];
  });
  // zeros and ones are the same in every dtype
  if (weights.every(({ summary }) => isConstant(summary))) return undefined;
  const to = (['bfloat16', 'float16'] as const).find((dtype) =>
    weights.every(({ summary }) => summary[dtype].exact),
  );
  if (!to) return undefined;
  const bytes = weights.reduce((sum, { tensor }) => sum + tensor.bytes, 0);
  return {
    message: `Every value of the ${counted(weights.length, 'float32 weight')} in ${placeName(group.path)} is a ${to} value: they were trained or cast in 16 bits and widened again, and ${bytesAmount(bytes / 2)} of ${bytesAmount(bytes)} say nothing. fix --dtype ${to} leaves them out, and no value changes.`,
    subjects: weights.map(({ name }) => name),
  };
}
