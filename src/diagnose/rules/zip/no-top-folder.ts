import { defineRule } from '../../define-rule.ts';
import { fullName, isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { printable } from '../../wording.ts';

export default defineRule({
  id: 'zip/no-top-folder',
  severity: 'error',
  needs: 'container',
  title: 'The records do not stand in one folder, as torch wants them',
  check(checkpoint) {
    const root = checkpoint.container.root ?? '';
    if (!isTorchArchive(checkpoint) || (root !== '' && !root.includes('/'))) return undefined;
    const names = checkpoint.records.map((record) => fullName(checkpoint, record));
    const first = names[0] as string;
    const place = root === '' ? 'in no folder' : `in the folder ${printable(root)}/, one in another`;
    const failure = first.includes('/')
      ? 'Expected hasRecord("version") to be true, but got false.'
      : `file in archive is not in a subdirectory: ${printable(first)}`;
    return {
      message: `The records stand ${place}, where torch wants them in exactly one, as when an archive was unpacked and zipped again: torch.load fails with '${failure}'. ${rewriteWords(checkpoint, 'fix puts them into one.')}`,
      subjects: names,
      fix: rewriteFlags(checkpoint),
    };
  },
});
