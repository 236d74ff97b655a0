import { defineRule } from '../../define-rule.ts';
import { SALVAGE } from '../../salvage.ts';
import { counted, listed } from '../../wording.ts';

/** What a loader says, by the kind of checkpoint whose file it does not find. */
const FAILURES: Readonly<Record<string, string>> = {
  'sharded-index':
    'from_pretrained fails with "does not appear to have a file named", and a loop over the shards with "FileNotFoundError: [Errno 2] No such file or directory"',
  distcp:
    'torch.distributed.checkpoint.load fails with "FileNotFoundError: [Errno 2] No such file or directory"',
};
const OTHER =
  'the run can not be resumed from it: DeepSpeed fails with "The following zero checkpoints paths are missing"';

export default defineRule({
  id: 'sharding/missing-file',
  severity: 'error',
  needs: 'container',
  title: 'Files of a checkpoint that is spread over several are missing',
  check({ sharding, container, tensors }) {
    const missing = (sharding?.files ?? [])
      .filter(({ bytes }) => bytes === undefined)
      .map(({ name }) => name);
    if (missing.length === 0) return undefined;
    const all = sharding?.files.length ?? 0;
    const some = container.kind === 'sharded-index' && tensors.length > 0;
    return {
      message: `${counted(missing.length, 'file')} of ${all} ${missing.length === 1 ? 'is' : 'are'} missing (${listed(missing)}): ${FAILURES[container.kind] ?? OTHER}. Copy or download the whole set again${some ? '; if there is no other, fix --salvage writes the tensors of the files that are there' : '; fix has nothing to put there'}.`,
      subjects: missing,
      fix: some ? SALVAGE : [],
    };
  },
});
