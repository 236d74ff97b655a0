import { defineRule } from '../../define-rule.ts';
import { loadKeyFailure } from '../../load-key.ts';

export default defineRule({
  id: 'content/lfs-pointer',
  severity: 'error',
  needs: 'container',
  title: 'The file is a Git LFS pointer, not the model',
  explain: () => ({
    message: `The repository keeps the model in Git LFS, and only the note of where it is was fetched: ${loadKeyFailure('v')}. Run git lfs install and git lfs pull in the repository, or download the file by its raw link; there is nothing to fix in the note.`,
    subjects: [],
  }),
});
