import { defineRule } from '../../define-rule.ts';
import type { Stretch } from '../../shared-views.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'convert/shared-memory',
  severity: 'info',
  needs: 'pickle',
  title: 'Tensors overlap, which other formats can not store',
  check({ omissions }, { sharedStretches }) {
    if (omissions.length) return undefined;
    const names = new Set<string>();
    for (const stretches of sharedStretches.values())
      for (const { tensors: views } of overlapping(stretches)) for (const { name } of views) names.add(name);
    if (!names.size) return undefined;
    const subjects = [...names];
    return {
      message: `${counted(subjects.length, 'tensor')} (${listed(subjects)}) overlap in memory without being the same. torch keeps that; safetensors' save_file fails with "Some tensors share memory, this will lead to duplicate memory on disk and potential differences when loading them again". fix --to safetensors writes each whole; fix --untie gives each a storage of its own.`,
      subjects,
    };
  },
});

/** Stretches that reach into another one of the list, which is in the order of their starts. */
function overlapping(stretches: readonly Stretch[]): Stretch[] {
  const found = new Set<Stretch>();
  let furthest = stretches[0];
  for (const stretch of stretches.slice(1)) {
    if (!furthest) break;
    if (stretch.start < furthest.end) found.add(furthest).add(stretch);
    if (stretch.end > furthest.end) furthest = stretch;
  }
  return [...found];
}
