import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'pickle/duplicate-key',
  severity: 'warning',
  needs: 'pickle',
  title: 'A key of a dict is set more than once',
  check(_checkpoint, { graph }) {
    if (graph.repeated.length === 0) return undefined;
    return {
      message: `${counted(graph.repeated.length, 'key is', 'keys are')} set more than once in one dict (${listed(graph.repeated)}), and Python takes 1, 1.0 and True for one key: the last value wins without a word, and a reader that keeps the first sees another checkpoint. No pickler writes this. A fix keeps what torch.load would give.`,
      subjects: graph.repeated,
    };
  },
});
