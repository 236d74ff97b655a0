import { defineRule } from '../../define-rule.ts';
import { findTagged, tagKind } from '../../device-tags.ts';
import { counted, listed } from '../../wording.ts';

/** Machines have up to this many GPUs, but for a few; builds of torch before 1.12 counted no further. */
const MOST_GPUS = 16;

export default defineRule({
  id: 'device/index-out-of-range',
  severity: 'warning',
  needs: 'pickle',
  title: 'Storages are tagged with a GPU number that hardly any machine has',
  check(checkpoint, { storages }) {
    const tagged = findTagged(
      checkpoint,
      storages,
      (tag) => tagKind(tag) === 'cuda' && Number(tag.split(':')[1] ?? 0) >= MOST_GPUS,
    );
    if (!tagged) return undefined;
    const { tags, subjects } = tagged;
    const index = (tags[0] as string).split(':')[1];
    return {
      message: `${counted(subjects.length, 'tensor is', 'tensors are')} tagged ${listed(tags)}, and hardly any machine has so many GPUs: elsewhere torch.load fails with "Attempting to deserialize object on CUDA device ${index} but torch.cuda.device_count() is …".`,
      subjects,
      fix: ['--map-location', 'cpu'],
    };
  },
});
