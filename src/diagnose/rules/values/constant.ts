import { isConstant } from '../../../numeric/summary.ts';
import { defineRule } from '../../define-rule.ts';
import { layerWeights } from '../../layer-weights.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'values/constant',
  severity: 'info',
  needs: 'payload',
  title: 'The weights of a layer are all the same number',
  check(_checkpoint, examination) {
    const found = layerWeights(examination).filter(
      ({ summary }) => isConstant(summary) && summary.zeros === 0,
    );
    const [first] = found;
    if (!first) return undefined;
    const subjects = found.map(({ name }) => name);
    return {
      message: `${counted(subjects.length, 'weight')} of layers (${listed(subjects)}) ${subjects.length === 1 ? 'holds' : 'hold'} one number throughout (${Number(first.summary.min)} in the first): all its units compute the same, and training can not tell them apart. Filled in and never trained, or a placeholder. There is nothing that fix could put there.`,
      subjects,
    };
  },
});
