import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'zip/damaged',
  severity: 'error',
  needs: 'container',
  title: 'The archive contradicts itself: its directory or a header is damaged',
  explain: () => ({
    message:
      'The numbers by which a reader finds its way through the archive are wrong: torch.load fails with "PytorchStreamReader failed reading zip archive: invalid header or archive is corrupted" or "archive does not contain any files". A transfer that changed bytes, or two writers to one file, leave it so. Get the file again; fix does not heal this yet.',
    subjects: [],
  }),
});
