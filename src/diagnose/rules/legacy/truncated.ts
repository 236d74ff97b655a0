import { segmentLength } from '../../../io/segment.ts';
import { defineRule } from '../../define-rule.ts';
import { SALVAGE } from '../../salvage.ts';
import { namesOn } from '../../storage-names.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'legacy/truncated',
  severity: 'error',
  needs: 'container',
  title: 'A file of the legacy format is cut short',
  check(checkpoint, { storages: { unfit } }) {
    const { container, source } = checkpoint;
    if (container.kind !== 'torch-legacy') return undefined;
    const cut = unfit.filter(
      ({ content, bytes }) => bytes > 0 && (content ? segmentLength(content) : 0) < bytes,
    );
    if (!cut.length) return undefined;
    const subjects = namesOn(checkpoint, new Set(cut));
    const some = subjects.length < checkpoint.tensors.length;
    return {
      message: `The file ends at byte ${source.size}, within or before the bytes of ${counted(subjects.length, 'tensor')} (${listed(subjects)}): torch.load fails with "unexpected EOF, expected … more bytes. The file might be corrupted." Get the file again; ${some ? 'if there is no other, fix --salvage writes those before the cut' : 'fix can not bring back what is not there'}.`,
      subjects,
      fix: some ? SALVAGE : [],
    };
  },
  explain: () => ({
    message:
      'The file ends inside its pickles, before any tensor: torch.load fails with "pickle data was truncated", or "index out of range" or "EOFError" with weights_only=True. Get the file again; fix can not bring back what is not there.',
    subjects: [],
  }),
});
