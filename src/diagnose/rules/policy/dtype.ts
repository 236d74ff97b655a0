import { defineRule } from '../../define-rule.ts';
import { isWidened, wideningFlags } from '../../widening.ts';
import { isListed } from '../../wildcard.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'policy/dtype',
  severity: 'error',
  needs: 'pickle',
  title: 'Tensors have a dtype that the policy does not allow',
  options: { allow: ['*'] },
  check(checkpoint, _examination, { allow }) {
    const { tensors } = checkpoint;
    const verdicts = new Map<string, boolean>();
    const refused = tensors.filter(({ dtype: { name } }) => {
      const known = verdicts.get(name) ?? isListed(name, allow);
      verdicts.set(name, known);
      return !known;
    });
    if (!refused.length) return undefined;
    const names = [...verdicts.keys()].filter((name) => !verdicts.get(name));
    return {
      message: `${counted(refused.length, 'tensor is', 'tensors are')} ${listed(names, 8)}, and the policy allows ${listed(allow, 8) || 'no dtype'}.`,
      subjects: refused.map(({ name }) => name),
      fix: isListed('float32', allow) && names.every(isWidened) ? wideningFlags(checkpoint) : [],
    };
  },
});
