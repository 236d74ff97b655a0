import { defineRule } from '../../define-rule.ts';
import { hasWholePickle, SALVAGE } from '../../salvage.ts';

export default defineRule({
  id: 'zip/truncated',
  severity: 'error',
  needs: 'container',
  title: 'The archive is cut short: the directory at its end is missing',
  explain: (error) => ({
    message: `An archive has its directory at the end, and this one ends before it, as a download, a copy or a save leaves it that was interrupted: torch.load fails with "PytorchStreamReader failed reading zip archive: failed finding central directory", and for files of 4 to 69 kB with "OSError: [Errno 22] Invalid argument". Get the file again${hasWholePickle(error) ? '; if there is no other, fix --salvage writes the tensors before the cut.' : '; what names the tensors is cut too, so that fix can not bring any back.'}`,
    subjects: [],
    fix: hasWholePickle(error) ? SALVAGE : [],
  }),
});
