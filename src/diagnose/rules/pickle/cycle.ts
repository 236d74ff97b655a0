import { pathName } from '../../../checkpoint/path.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'pickle/cycle',
  severity: 'warning',
  needs: 'pickle',
  title: 'A container holds itself',
  check(_checkpoint, { graph }) {
    if (graph.cycles.length === 0) return undefined;
    const subjects = graph.cycles.map((path) => pathName(path));
    return {
      message: `${counted(subjects.length, 'container holds itself', 'containers hold themselves')} (${listed(subjects)}): torch.load builds it, and code that goes through the values of a checkpoint, to move or to count them, never ends or fails with "maximum recursion depth exceeded". fix does not take it apart: save the state_dict alone.`,
      subjects,
    };
  },
});
