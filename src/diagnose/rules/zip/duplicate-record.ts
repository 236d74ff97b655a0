import { defineRule } from '../../define-rule.ts';
import { fullName, isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'zip/duplicate-record',
  severity: 'warning',
  needs: 'container',
  title: 'Several records have one name, so that readers disagree on the content',
  check(checkpoint) {
    const { archive, container } = checkpoint;
    if (!isTorchArchive(checkpoint) || archive?.distinctNames === container.entries) return undefined;
    const seen = new Set<string>();
    const repeated = new Set<string>();
    for (const record of checkpoint.records) {
      const name = fullName(checkpoint, record);
      const key = name.toLowerCase();
      if (seen.has(key)) repeated.add(name);
      seen.add(key);
    }
    if (!repeated.size) return undefined;
    const subjects = [...repeated];
    return {
      message: `${counted(subjects.length, 'name stands', 'names stand')} more than once in the directory of the archive (${listed(subjects)}). torch says nothing and takes one of them, which one depends on how many records there are; Python's zipfile takes the last. What you load may not be what another tool has checked. ${rewriteWords(checkpoint, 'fix keeps the one that is listed here, which is the first.')}`,
      subjects,
      fix: rewriteFlags(checkpoint),
    };
  },
});
