import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';
import { isNumpy2 } from '../../numpy-globals.ts';

export default defineRule({
  id: 'globals/numpy-value',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle holds numpy scalars or arrays',
  check(_checkpoint, examination) {
    // globals/numpy2 speaks of all of them where numpy 2 wrote any
    return globalsResult(examination, 'numpy', (globals) =>
      globals.some(isNumpy2)
        ? undefined
        : {
            noun: 'numpy global',
            plural: 'numpy globals',
            byHand:
              'load it with weights_only=False, turn scalars into Python numbers (.item()) and arrays into tensors (torch.from_numpy), and save again',
          },
    );
  },
});
