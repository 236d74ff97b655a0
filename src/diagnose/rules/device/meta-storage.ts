import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { namesOn } from '../../storage-names.ts';
import { counted } from '../../wording.ts';

const FAILURE = '"Cannot copy out of meta tensor; no data!"';

export default defineRule({
  id: 'device/meta-storage',
  severity: 'error',
  needs: 'pickle',
  title: 'Tensors are on the meta device, where torch loads no values',
  check(checkpoint, { storages, tensors }): readonly RuleResult[] {
    const subjects = tensors.meta.map(({ name }) => name);
    const tagged = storages.locations.has('meta') ? taggedResult(checkpoint) : undefined;
    return [
      ...(subjects.length
        ? [
            {
              message: `${counted(subjects.length, 'tensor was', 'tensors were')} saved from the meta device: the file has a shape and no values. torch.load says nothing, and load_state_dict or the first use fails with ${FAILURE}. Save the model after its weights were loaded; fix can not make them up.`,
              subjects,
            },
          ]
        : []),
      ...(tagged ? [tagged] : []),
    ];
  },
});

/** No torch writes this by itself; where the bytes are there, another tag brings them back. */
function taggedResult(checkpoint: Checkpoint): RuleResult {
  const storages = checkpoint.storages.filter(({ location }) => location === 'meta');
  const subjects = namesOn(checkpoint, new Set(storages));
  const there = storages.every(({ content }) => content) && checkpoint.damage.length === 0;
  return {
    message: `${counted(subjects.length, 'tensor is', 'tensors are')} tagged meta: torch.load says nothing and reads no values, and load_state_dict fails with ${FAILURE}. ${there ? 'The bytes are in the file, and fix --map-location cpu lets torch read them.' : 'Not all of the bytes are in the file; fix can not make them up.'}`,
    subjects,
    fix: there ? ['--map-location', 'cpu'] : [],
  };
}
