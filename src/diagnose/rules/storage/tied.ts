import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'storage/tied',
  severity: 'info',
  needs: 'pickle',
  title: 'One weight stands under several names',
  check({ omissions }, { sharedStretches }) {
    if (omissions.length) return undefined;
    const groups: string[][] = [];
    for (const stretches of sharedStretches.values())
      for (const { tensors: same } of stretches) {
        const names = [...new Set(same.map(({ name }) => name))];
        if (names.length > 1) groups.push(names);
      }
    const first = groups[0];
    if (!first) return undefined;
    return {
      message: `${counted(groups.length, 'weight stands', 'weights stand')} under several names (${listed(first)}${groups.length > 1 ? ' …' : ''}): tied, and stored once. torch keeps it so; safetensors' save_file fails on it with "Some tensors share memory, this will lead to duplicate memory on disk", and what copies tensors one by one unties them.`,
      subjects: groups.flat(),
    };
  },
});
