import { defineRule, type RuleResult } from '../../define-rule.ts';
import { namesOn } from '../../storage-names.ts';
import { fullName, rewriteFlags, rewriteWords, storagesByOffset } from '../../torch-archives.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'zip/compressed-record',
  severity: 'warning',
  needs: 'container',
  title: 'Records are compressed, where torch stores them as they are',
  check(checkpoint, { records: { deflated } }): RuleResult | undefined {
    // torch.jit.save deflates the code of a module by itself
    if (checkpoint.container.kind !== 'torch-zip') return undefined;
    if (!deflated.length) return undefined;
    const byOffset = storagesByOffset(checkpoint);
    const storages = new Set(deflated.flatMap(({ dataOffset }) => byOffset.get(dataOffset ?? -1) ?? []));
    const fix = rewriteFlags(checkpoint);
    if (storages.size) {
      const subjects = namesOn(checkpoint, storages);
      return {
        message: `The bytes of ${counted(subjects.length, 'tensor')} are deflated: torch.load(mmap=True) says nothing and gives wrong numbers, because it takes the compressed bytes for the values. A plain torch.load inflates them. ${rewriteWords(checkpoint, 'fix stores every record as it is.')}`,
        subjects,
        fix,
      };
    }
    const names = deflated.map((record) => fullName(checkpoint, record));
    return {
      severity: 'info',
      message: `No tensor is compressed, but ${listed(names)} ${names.length === 1 ? 'is' : 'are'}, which torch.save never does. Every way of loading works.`,
      subjects: names,
      fix,
    };
  },
  explain: () => ({
    message:
      'Of all methods of compression, torch reads only deflate: torch.load fails with "PytorchStreamReader failed retrieving file meta-data for data.pkl: unsupported method". Unpack the archive and zip its folder again with zip -0 -r; fix can not read it either.',
    subjects: [],
  }),
});
