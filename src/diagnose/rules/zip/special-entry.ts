import { defineRule } from '../../define-rule.ts';
import { isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted, printable } from '../../wording.ts';

export default defineRule({
  id: 'zip/special-entry',
  severity: 'warning',
  needs: 'container',
  title: 'A record of the archive is said to be a link or a device',
  check(checkpoint) {
    if (!isTorchArchive(checkpoint)) return undefined;
    const found = (checkpoint.archive?.oddities ?? []).filter(({ kind }) => kind === 'mode');
    const [first] = found;
    if (!first) return undefined;
    return {
      message: `${counted(found.length, 'record is', 'records are')} no plain ${found.length === 1 ? 'file' : 'files'}: ${printable(first.record ?? '')} ${first.what}. torch reads the bytes and pays no heed; a program that unpacks the archive may make a link that leads out of its folder. ${rewriteWords(checkpoint, 'fix writes plain records.')}`,
      subjects: found.map(({ record = '' }) => printable(record)),
      fix: rewriteFlags(checkpoint),
    };
  },
});
