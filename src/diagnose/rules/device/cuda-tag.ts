import { defineRule } from '../../define-rule.ts';
import { findTagged, tagKind } from '../../device-tags.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'device/cuda-tag',
  severity: 'warning',
  needs: 'pickle',
  title: 'Storages are tagged with a CUDA device',
  check(checkpoint, { storages }) {
    const tagged = findTagged(checkpoint, storages, (tag) => tagKind(tag) === 'cuda');
    if (!tagged) return undefined;
    const { tags, subjects } = tagged;
    const last = highestIndex(tags);
    const fewerGpus =
      last > 0
        ? ` With fewer than ${last + 1} GPUs it is "Attempting to deserialize object on CUDA device ${last} but torch.cuda.device_count() is …".`
        : '';
    return {
      message: `${counted(subjects.length, 'tensor is', 'tensors are')} tagged ${listed(tags)}: without CUDA torch.load fails with "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False".${fewerGpus}`,
      subjects,
      fix: ['--map-location', 'cpu'],
    };
  },
});

function highestIndex(tags: readonly string[]): number {
  return tags.reduce((highest, tag) => Math.max(highest, Number(tag.split(':')[1] ?? 0)), 0);
}
