import { defineRule } from '../../define-rule.ts';
import { loadKeyFailure } from '../../load-key.ts';

export default defineRule({
  id: 'content/text',
  severity: 'error',
  needs: 'container',
  title: 'The file is plain text, not the model',
  explain: () => ({
    message: `A server answered with a line of text instead of the file, as Hugging Face does with "Entry not found": ${loadKeyFailure('E')}. Check the address and your rights to it, and download the model again; there is nothing to fix in the answer.`,
    subjects: [],
  }),
});
