import { defineRule } from '../../define-rule.ts';
import { findTagged, tagKind, unknownTagFailure } from '../../device-tags.ts';
import { counted, printable } from '../../wording.ts';

export default defineRule({
  id: 'device/nonstandard-cpu-tag',
  severity: 'error',
  needs: 'pickle',
  title: 'Storages are tagged with a spelling of the CPU that torch does not accept',
  check(checkpoint, { storages }) {
    const tagged = findTagged(checkpoint, storages, (tag) => tagKind(tag) === 'odd-cpu');
    if (!tagged) return undefined;
    const { tags, subjects } = tagged;
    const spelt = tags.slice(0, 3).map((tag) => `"${printable(tag)}"`);
    return {
      message: `${counted(subjects.length, 'tensor is', 'tensors are')} tagged ${spelt.join(', ')}, where torch accepts only "cpu": torch.load fails on every machine with "${unknownTagFailure(tags[0] as string)}".`,
      subjects,
      fix: ['--map-location', 'cpu'],
    };
  },
});
