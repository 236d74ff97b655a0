import { defineRule } from '../../define-rule.ts';
import { innerWrapperResult, wrapperResult } from '../../wrappers.ts';

const PREFIX = '_orig_mod.';

export default defineRule({
  id: 'keys/compile-prefix',
  severity: 'warning',
  needs: 'pickle',
  title: "Keys begin with '_orig_mod.', as models wrapped by torch.compile save them",
  check(_checkpoint, examination) {
    return [
      wrapperResult(PREFIX, examination, ', from torch.compile'),
      innerWrapperResult([PREFIX], examination, ' by torch.compile'),
    ].filter((result) => result !== undefined);
  },
});
