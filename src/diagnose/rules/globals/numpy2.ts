import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';
import { isNumpy2 } from '../../numpy-globals.ts';

export default defineRule({
  id: 'globals/numpy2',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle holds numpy values as numpy 2 names them',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'numpy', (globals) =>
      globals.some(isNumpy2)
        ? {
            noun: 'numpy global',
            plural: 'numpy globals',
            also: 'weights_only=False fails too where numpy is older than 1.26: "No module named \'numpy._core\'".',
            byHand:
              'load it with weights_only=False under numpy 2, turn scalars into Python numbers (.item()) and arrays into tensors (torch.from_numpy), and save again',
          }
        : undefined,
    );
  },
});
