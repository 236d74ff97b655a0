import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';
import { runsCode } from '../../refused-globals.ts';

export default defineRule({
  id: 'globals/not-allowlisted',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle names what weights_only does not allow',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'other', (globals) => {
      const dangerous = globals.some(({ name }) => runsCode(name));
      return {
        noun: 'global that is not allowed',
        plural: 'globals that are not allowed',
        ...(dangerous
          ? {
              also: 'Names like these run code and have no place in a checkpoint: do not load it with weights_only=False, and do not allow them.',
            }
          : {
              byHand:
                'load it with weights_only=False, or after torch.serialization.add_safe_globals, and save plain values and state_dicts in their place',
            }),
      };
    });
  },
});
