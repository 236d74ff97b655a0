import { pathName } from '../../../checkpoint/path.ts';
import { defineRule } from '../../define-rule.ts';
import { printable } from '../../wording.ts';

export default defineRule({
  id: 'pickle/deep-nesting',
  severity: 'warning',
  needs: 'pickle',
  title: 'Containers stand in each other deeper than any pickler goes',
  check(_checkpoint, { graph }) {
    if (!graph.deep) return undefined;
    const { place, depth } = graph.deep;
    return {
      message: `Containers stand in each other ${depth} deep, where Python's pickler gives up before 1000: a program made this. What goes through such values by calling itself, as repr and copy.deepcopy do, fails with "maximum recursion depth exceeded" or crashes. fix does not flatten it: save the state_dict alone.`,
      subjects: [printable(pathName(place.slice(0, 8)))],
    };
  },
});
