import { defineRule, type RuleResult } from '../../define-rule.ts';
import { namesOn } from '../../storage-names.ts';
import { counted } from '../../wording.ts';

export default defineRule({
  id: 'legacy/format',
  severity: 'info',
  needs: 'container',
  title: 'The file has the format of torch before 1.6',
  check(checkpoint, { storages }): RuleResult | undefined {
    const { container, tensors, damage } = checkpoint;
    if (container.kind !== 'torch-legacy') return undefined;
    const fix = damage.length ? [] : ['--auto'];
    const cure = damage.length
      ? 'Of a damaged file fix writes what is whole, with --salvage.'
      : 'fix writes an archive with the same bytes.';
    const untyped = new Set(storages.untyped);
    if (untyped.size) {
      const subjects = namesOn(checkpoint, untyped);
      return {
        severity: 'error',
        message: `${counted(subjects.length, 'tensor stands', 'tensors stand')} on untyped storages, which no torch loads from the format of torch before 1.6: torch.load fails with "type object 'torch.storage.UntypedStorage' has no attribute 'dtype'". The values are all there. ${cure}`,
        subjects,
        fix,
      };
    }
    return {
      message: `The file has the format of torch before 1.6: every torch loads it, but all of it into memory. torch.load(mmap=True) fails with "mmap can only be used with files saved with \`torch.save(_use_new_zipfile_serialization=True)\`", and nothing in it has a checksum. ${cure}`,
      subjects: tensors.length ? tensors.map(({ name }) => name) : ['the file'],
      fix,
    };
  },
});
