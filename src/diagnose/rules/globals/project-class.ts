import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';
import { listed, printable } from '../../wording.ts';

export default defineRule({
  id: 'globals/project-class',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle needs classes of a project or a package',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'project', (globals) => {
      const roots = [...new Set(globals.map(({ name }) => name.split('.', 1)[0] as string))];
      const others = roots.length > 1 ? `, and so for ${listed(roots.slice(1))}` : '';
      return {
        noun: 'class or function of other code',
        plural: 'classes and functions of other code',
        also: `weights_only=False fails too where that code is not installed: "No module named '${printable(roots[0] as string)}'"${others}.`,
        byHand:
          'load it with weights_only=False beside that code, and save model.state_dict() in place of the object',
      };
    });
  },
});
