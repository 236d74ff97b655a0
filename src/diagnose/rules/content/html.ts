import { defineRule } from '../../define-rule.ts';
import { loadKeyFailure } from '../../load-key.ts';

export default defineRule({
  id: 'content/html',
  severity: 'error',
  needs: 'container',
  title: 'The file is a web page, not the model',
  explain: () => ({
    message: `A server answered with a page instead of the file (a sign-in, a quota, a missing file): ${loadKeyFailure('<')}. Open the file in a browser to see what it says, and download the model again; there is nothing to fix in a page.`,
    subjects: [],
  }),
});
