import { defineRule } from '../../define-rule.ts';
import { hasWholePickle, SALVAGE } from '../../salvage.ts';

export default defineRule({
  id: 'zip/damaged',
  severity: 'error',
  needs: 'container',
  title: 'The archive contradicts itself: its directory or a header is damaged',
  explain: (error) => ({
    message: `The numbers by which a reader finds its way through the archive are wrong: torch.load fails with "PytorchStreamReader failed reading zip archive: invalid header or archive is corrupted" or "archive does not contain any files". A transfer that changed bytes, or two writers to one file, leave it so. Get the file again${hasWholePickle(error) ? ', or have fix --salvage find the tensors without the directory.' : '; what names the tensors is damaged too, so that fix can not bring any back.'}`,
    subjects: [],
    fix: hasWholePickle(error) ? SALVAGE : [],
  }),
});
