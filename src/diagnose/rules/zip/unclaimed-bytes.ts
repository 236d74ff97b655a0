import { defineRule } from '../../define-rule.ts';
import { isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'zip/unclaimed-bytes',
  severity: 'warning',
  needs: 'container',
  title: 'The archive has bytes that belong to no record',
  check(checkpoint) {
    if (!isTorchArchive(checkpoint)) return undefined;
    const found = (checkpoint.archive?.oddities ?? []).filter(({ kind }) => kind === 'unclaimed');
    if (found.length === 0) return undefined;
    const subjects = found.map(({ what, offset }) => `${what}, at offset ${offset}`);
    return {
      message: `${counted(found.length, 'stretch', 'stretches')} of the file ${found.length === 1 ? 'belongs' : 'belong'} to no record (${listed(subjects)}). torch passes over them, programs that read archives from the front may find records there, and where a record begins too early its last bytes are left over so. They were searched for pickles, and weights that begin too early are told by --verify-crc. ${rewriteWords(checkpoint, 'fix leaves them out.')}`,
      subjects,
      fix: rewriteFlags(checkpoint),
    };
  },
});
