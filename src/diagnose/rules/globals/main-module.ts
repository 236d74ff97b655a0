import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';
import { printable } from '../../wording.ts';

export default defineRule({
  id: 'globals/main-module',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle needs a class or function of the script that saved it',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'main', (globals) => {
      const name = printable((globals[0]?.name ?? '').slice('__main__.'.length));
      return {
        noun: 'name of the script that saved it',
        plural: 'names of the script that saved it',
        also: `weights_only=False fails too in any other script: "Can't get attribute '${name}' on <module '__main__'>".`,
        byHand:
          'define the same names, load it with weights_only=False, and save model.state_dict() in place of the object',
      };
    });
  },
});
