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
  check(checkpoint, { tensors: { dtypes } }, { allow }) {
    const names = [...dtypes].filter((name) => !isListed(name, allow));
    if (!names.length) return undefined;
    const refused = checkpoint.tensors.filter(({ dtype }) => names.includes(dtype.name));
    return {
      message: `${counted(refused.length, 'tensor is', 'tensors are')} ${listed(names, 8)}, and the policy allows ${listed(allow, 8) || 'no dtype'}.`,
      subjects: refused.map(({ name }) => name),
      fix: isListed('float32', allow) && names.every(isWidened) ? wideningFlags(checkpoint) : [],
    };
  },
});
