import { defineRule } from '../../define-rule.ts';
import { layerWeights } from '../../layer-weights.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'values/all-zero',
  severity: 'info',
  needs: 'payload',
  title: 'The weights of a layer are all zero',
  check(_checkpoint, examination) {
    const subjects = layerWeights(examination)
      .filter(({ summary }) => summary.zeros === summary.count)
      .map(({ name }) => name);
    if (!subjects.length) return undefined;
    return {
      message: `${counted(subjects.length, 'weight')} of layers (${listed(subjects)}) ${subjects.length === 1 ? 'is' : 'are'} zero throughout: never trained, never written, or pruned away. Adapters begin with zeros on purpose; elsewhere the layer gives nothing. There is nothing that fix could put there.`,
      subjects,
    };
  },
});
