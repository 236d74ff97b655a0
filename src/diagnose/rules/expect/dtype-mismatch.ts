import { defineRule } from '../../define-rule.ts';
import { comparedPath } from '../../expected-keys.ts';
import { counted, listed, namesUnder } from '../../wording.ts';

export default defineRule({
  id: 'expect/dtype-mismatch',
  severity: 'warning',
  needs: 'expectation',
  title: 'Tensors have another dtype than the model expects',
  check(_checkpoint, { keyComparison }) {
    const { dtypes = [] } = keyComparison ?? {};
    if (!keyComparison || !dtypes.length) return undefined;
    const nameOf = namesUnder(comparedPath(keyComparison));
    const pairs = new Set(
      dtypes.map(({ found, expected }) => `${found.dtype.name} instead of ${expected.dtype}`),
    );
    return {
      message: `${counted(dtypes.length, 'tensor is', 'tensors are')} ${listed([...pairs])}: load_state_dict casts without a word, and load_state_dict(…, assign=True) leaves the model with what the file has.`,
      subjects: dtypes.map(({ key }) => nameOf(key)),
    };
  },
});
