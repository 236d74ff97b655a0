import { defineRule } from '../../define-rule.ts';
import { isTorchArchive } from '../../torch-archives.ts';
import { counted, listed, printable } from '../../wording.ts';

export default defineRule({
  id: 'zip/overlap',
  severity: 'error',
  needs: 'container',
  title: 'Records of the archive share bytes of the file',
  check(checkpoint) {
    if (!isTorchArchive(checkpoint)) return undefined;
    const found = (checkpoint.archive?.oddities ?? []).filter(({ kind }) => kind === 'overlap');
    if (found.length === 0) return undefined;
    const subjects = found.map(({ record = '' }) => printable(record));
    return {
      message: `${counted(found.length, 'record takes', 'records take')} bytes of the file that belong to another record or to the directory too (${listed(subjects)}). torch loads it and says nothing, Python's zipfile fails with "Overlapped entries"; such an archive unpacks to many times its size, or shows two readers two contents, and no program makes it by accident. Get the file again; fix can not know which record is right.`,
      subjects,
    };
  },
});
