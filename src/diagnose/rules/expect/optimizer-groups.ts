import { defineRule } from '../../define-rule.ts';
import { optimizerGroups } from '../../optimizer-groups.ts';
import { namesUnder, placeName } from '../../wording.ts';

export default defineRule({
  id: 'expect/optimizer-groups',
  severity: 'error',
  needs: 'expectation',
  title: 'The optimizer has other parameter groups than expected',
  check({ root }, { expected }) {
    const wanted = expected?.optimizerGroups;
    if (!wanted) return undefined;
    return optimizerGroups(root).flatMap(({ path, sizes }) => {
      const failure = failureOf(sizes, wanted);
      if (!failure) return [];
      return {
        message: `The optimizer in ${placeName(path)} has groups of ${sizes.join(', ')} parameters where ${wanted.join(', ')} are expected: optimizer.load_state_dict fails with "${failure}". fix can not know which state belongs to which parameter; begin with a new optimizer.`,
        subjects: [namesUnder(path)('param_groups')],
      };
    });
  },
});

function failureOf(sizes: readonly number[], wanted: readonly number[]): string | undefined {
  if (sizes.length !== wanted.length) return 'loaded state dict has a different number of parameter groups';
  if (sizes.every((count, index) => count === wanted[index])) return undefined;
  return "loaded state dict contains a parameter group that doesn't match the size of optimizer's group";
}
