import { defineRule } from '../../define-rule.ts';
import { hasWholePickle, SALVAGE } from '../../salvage.ts';
import { namesOn } from '../../storage-names.ts';
import { isTorchArchive } from '../../torch-archives.ts';
import { counted, printable } from '../../wording.ts';

export default defineRule({
  id: 'zip/missing-record',
  severity: 'error',
  needs: 'pickle',
  title: 'The archive lacks a record that the pickle counts on',
  check(checkpoint, { storages }) {
    if (!isTorchArchive(checkpoint)) return undefined;
    const missing = storages.unfit.filter(({ content }) => !content);
    const first = missing[0];
    if (!first) return undefined;
    const subjects = namesOn(checkpoint, new Set(missing));
    return {
      message: `${counted(missing.length, 'storage has', 'storages have')} no record in the archive: torch.load fails with "PytorchStreamReader failed locating file data/${printable(first.key)}: file not found". Get the file again; if there is no other, fix --salvage writes the tensors that are whole.`,
      subjects,
      fix: SALVAGE,
    };
  },
  explain: (error) => ({
    message: `The record that says what the checkpoint is made of is not there, as when torch.save raised an error while it pickled: torch.load fails with "PytorchStreamReader failed locating file data.pkl: file not found". Save it again${hasWholePickle(error) ? '; the directory alone lacks it, so fix --salvage writes what is whole.' : '; fix can not bring back what is not there.'}`,
    subjects: [],
    fix: hasWholePickle(error) ? SALVAGE : [],
  }),
});
