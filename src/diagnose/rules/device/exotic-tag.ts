import { defineRule, type RuleResult } from '../../define-rule.ts';
import {
  deviceCallFailure,
  exoticFailure,
  findDeviceCalls,
  findTagged,
  type Tagged,
  tagKind,
} from '../../device-tags.ts';
import { counted, listed } from '../../wording.ts';

/** Where a tag comes from, for the tags that a person may not know. */
const ORIGINS: Readonly<Record<string, string>> = {
  mps: 'an Apple GPU',
  xla: 'a TPU',
  npu: 'an Ascend NPU',
  xpu: 'an Intel GPU',
  hpu: 'a Gaudi accelerator',
  privateuseone: 'a plug-in backend such as DirectML',
};

export default defineRule({
  id: 'device/exotic-tag',
  severity: 'error',
  needs: 'pickle',
  title: 'Tensors are tagged with a device that most machines lack',
  check(checkpoint, { storages }) {
    const tagged = findTagged(checkpoint, storages, (tag) => tagKind(tag) === 'exotic');
    const calls = findDeviceCalls(checkpoint);
    return [
      ...(tagged ? [resultFor(tagged, exoticFailure(tagged.tags[0] as string))] : []),
      ...(calls ? [resultFor(calls, deviceCallFailure(calls.tags[0] as string))] : []),
    ];
  },
});

function resultFor({ tags, subjects }: Tagged, failure: string): RuleResult {
  const origin = ORIGINS[(tags[0] as string).split(':')[0] as string];
  return {
    message: `${counted(subjects.length, 'tensor is', 'tensors are')} tagged ${listed(tags)}${origin ? ` (${origin})` : ''}: where torch has no such device, torch.load fails with "${failure}".`,
    subjects,
    fix: ['--map-location', 'cpu'],
  };
}
