import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'content/zero-filled',
  severity: 'error',
  needs: 'container',
  title: 'The file is filled with zero bytes',
  explain: () => ({
    message:
      'The space was reserved, and the bytes never came, as after a crash or an interrupted download: torch.load fails with "Cannot use ``weights_only=True`` with files saved in the legacy .tar format", because zeros look like the end of a tar archive, and with weights_only=False with "filename \'storages\' not found" or "invalid load key, \'\\x00\'.". Get the file again; there is nothing to fix in it.',
    subjects: [],
  }),
});
