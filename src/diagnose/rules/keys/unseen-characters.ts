import { defineRule } from '../../define-rule.ts';
import { counted, listed, printable } from '../../wording.ts';

export default defineRule({
  id: 'keys/unseen-characters',
  severity: 'warning',
  needs: 'pickle',
  title: 'Names of tensors hold characters that can not be seen',
  check(_checkpoint, { graph }) {
    if (graph.unseen.length === 0) return undefined;
    const subjects = graph.unseen.map(printable);
    return {
      message: `${counted(subjects.length, 'name of a tensor holds', 'names of tensors hold')} control characters, or such as have no width or turn the writing direction (${listed(subjects)}): load_state_dict reports them as unexpected keys that look right, and a log or a terminal that prints them does what they say. Rename them: ckpt-doctor fix --rename.`,
      subjects,
    };
  },
});
