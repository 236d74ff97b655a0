import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';

export default defineRule({
  id: 'globals/dtensor',
  severity: 'error',
  needs: 'pickle',
  title: 'The tensors are DTensors, which torch.load knows only after an import',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'dtensor', () => ({
      noun: 'class of distributed tensors',
      plural: 'classes of distributed tensors',
      also: 'After import torch.distributed.tensor it loads, but has only the local part of each tensor.',
      byHand: 'save tensor.full_tensor(), or what get_model_state_dict gives with full_state_dict=True',
    }));
  },
});
