import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'legacy/storage-size-mismatch',
  severity: 'error',
  needs: 'container',
  title: 'A storage of the legacy format does not stand where it should',
  explain: () => ({
    message:
      'Before each storage stands its number of elements, and one of them is not what the pickle says, so bytes before it are missing, too many or overwritten: torch.load fails with "storage has wrong byte size: expected %ld got %ld…" (torch 2.x prints it so), older ones with "storage has wrong size: expected … got …". A transfer in text mode and two programs that write to one file leave it so. Get the file again; fix does not heal this.',
    subjects: [],
  }),
});
