import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

const STATISTICS = /(^|\.)running_(mean|var)$/;
const HALF = new Set(['float16', 'bfloat16']);

export default defineRule({
  id: 'dtype/half-statistics',
  severity: 'info',
  needs: 'pickle',
  title: 'Running statistics of normalisation layers are stored in 16 bits',
  check(_checkpoint, { weightGroups }) {
    const statistics = weightGroups
      .filter(({ dtypes }) => dtypes.has('float16') || dtypes.has('bfloat16'))
      .flatMap(({ weights }) => weights)
      .filter(({ name, tensor }) => STATISTICS.test(name) && HALF.has(tensor.dtype.name));
    if (!statistics.length) return undefined;
    const subjects = statistics.map(({ name }) => name);
    const dtypes = [...new Set(statistics.map(({ tensor }) => tensor.dtype.name))];
    const overflow = dtypes.includes('float16') ? ', and a variance above 65504 has become infinite' : '';
    return {
      message: `${counted(subjects.length, 'running statistic')} of normalisation layers ${subjects.length === 1 ? 'is' : 'are'} ${listed(dtypes)} (${listed(subjects)}): used as saved beside float32 they fail with "mixed dtype (CPU): expect parameter to have scalar type of Float". Their precision is lost for good, also for fix${overflow}, and training on from them loses small updates; keep normalisation layers in float32 when a model is halved.`,
      subjects,
    };
  },
});
