import { dtypeByName } from '../../../torch/dtypes.ts';
import { defineRule } from '../../define-rule.ts';
import { comparedPath, type ExpectedKeys, type Mismatch } from '../../expected-keys.ts';
import { isWidened, wideningFlags } from '../../widening.ts';
import { counted, listed, namesUnder } from '../../wording.ts';

export default defineRule({
  id: 'expect/dtype-mismatch',
  severity: 'warning',
  needs: 'expectation',
  title: 'Tensors have another dtype than the model expects',
  check(checkpoint, { keyComparison, expected }) {
    const { dtypes = [] } = keyComparison ?? {};
    if (!keyComparison || !dtypes.length) return undefined;
    const nameOf = namesUnder(comparedPath(keyComparison));
    const pairs = new Set(
      dtypes.map(({ found, expected }) => `${found.dtype.name} instead of ${expected.dtype}`),
    );
    const flags = castsExactly(dtypes, expected) ? wideningFlags(checkpoint) : [];
    const cure = flags.length
      ? `fix ${flags.join(' ')} casts them, and no number changes.`
      : 'fix --dtype casts floating-point tensors, with globs for some of them.';
    return {
      message: `${counted(dtypes.length, 'tensor is', 'tensors are')} ${listed([...pairs])}: load_state_dict casts without a word, and load_state_dict(…, assign=True) leaves the model with what the file has. ${cure}`,
      subjects: dtypes.map(({ key }) => nameOf(key)),
      fix: flags,
    };
  },
});

/** The model has no floating-point dtype but float32, and all that differs is narrower than that. */
function castsExactly(dtypes: readonly Mismatch[], expected: ExpectedKeys | undefined): boolean {
  const wanted = [...(expected?.keys.values() ?? [])].map(({ dtype = 'float32' }) => dtypeByName(dtype));
  return (
    dtypes.every(({ found, expected }) => isWidened(found.dtype.name) && expected.dtype === 'float32') &&
    wanted.every((dtype) => dtype?.family !== 'float' || dtype.name === 'float32')
  );
}
