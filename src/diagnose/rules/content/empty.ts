import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'content/empty',
  severity: 'error',
  needs: 'container',
  title: 'The file is empty',
  explain: () => ({
    message:
      'The file has no bytes: torch.load fails with "EOFError: Ran out of input", and with a bare "EOFError" with weights_only=True. A disk that was full, a save or a download that was stopped leaves it so. Get the file again; there is nothing to fix in it.',
    subjects: [],
  }),
});
