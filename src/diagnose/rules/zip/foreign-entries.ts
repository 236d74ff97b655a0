import { defineRule } from '../../define-rule.ts';
import { isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted, listed, printable } from '../../wording.ts';

export default defineRule({
  id: 'zip/foreign-entries',
  severity: 'error',
  needs: 'container',
  title: 'Records stand beside the folder of the checkpoint',
  check(checkpoint, examination) {
    const { container } = checkpoint;
    if (!isTorchArchive(checkpoint) || !container.root || container.root.includes('/')) return undefined;
    const subjects = examination.records.outside.map(({ name }) => name);
    const [first] = subjects;
    if (first === undefined) return undefined;
    const failure = !checkpoint.records[0]?.outsideRoot
      ? `file in archive is not in a subdirectory ${printable(container.root)}/: ${printable(first)}`
      : first.includes('/')
        ? 'Expected hasRecord("version") to be true, but got false.'
        : `file in archive is not in a subdirectory: ${printable(first)}`;
    return {
      message: `${counted(subjects.length, 'record stands', 'records stand')} outside the folder ${printable(container.root)}/ (${listed(subjects)}), as the Finder of macOS adds them when a folder is zipped: torch.load fails with '${failure}'. ${rewriteWords(checkpoint, 'fix leaves them out.')}`,
      subjects,
      fix: rewriteFlags(checkpoint),
    };
  },
});
