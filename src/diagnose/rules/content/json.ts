import { defineRule } from '../../define-rule.ts';
import { loadKeyFailure } from '../../load-key.ts';

export default defineRule({
  id: 'content/json',
  severity: 'error',
  needs: 'container',
  title: 'The file is JSON text, not the model',
  explain: () => ({
    message: `The file is text, such as the answer of a server that refused the download, or an index or configuration that stands beside the model: ${loadKeyFailure('{')}. Read it to see what it says, and get the model itself; there is nothing to fix in it.`,
    subjects: [],
  }),
});
