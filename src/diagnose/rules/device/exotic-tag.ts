import { defineRule } from '../../define-rule.ts';
import { exoticFailure, findTagged, tagKind } from '../../device-tags.ts';
import { counted, listed, printable } from '../../wording.ts';

/** Where the tag comes from, for the tags that a person may not know. */
const ORIGINS: Readonly<Record<string, string>> = {
  mps: 'an Apple GPU',
  xla: 'a TPU',
  npu: 'Ascend',
  xpu: 'an Intel GPU',
  hpu: 'Gaudi',
  mtia: 'MTIA',
  privateuseone: 'a plug-in backend such as DirectML',
};

export default defineRule({
  id: 'device/exotic-tag',
  severity: 'error',
  needs: 'pickle',
  title: 'Storages are tagged with a device that most machines lack',
  check(checkpoint) {
    const tagged = findTagged(checkpoint, (tag) => tagKind(tag) === 'exotic');
    if (!tagged) return undefined;
    const { tags, subjects } = tagged;
    const first = tags[0] as string;
    const origin = ORIGINS[first.split(':')[0] as string];
    return {
      message: `${counted(subjects.length, 'tensor is', 'tensors are')} tagged ${listed(tags)}${origin ? ` (${origin})` : ''}: on any other machine torch.load fails with "${printable(exoticFailure(first))}".`,
      subjects,
      fix: ['--map-location', 'cpu'],
    };
  },
});
