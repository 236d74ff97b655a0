import { parametersOf } from '../../../checkpoint/totals.ts';
import { digitsAmount } from '../../amounts.ts';
import { defineRule } from '../../define-rule.ts';
import { fileName } from '../../wording.ts';

export default defineRule({
  id: 'budget/parameters',
  severity: 'error',
  needs: 'pickle',
  title: 'The checkpoint has more parameters than the budget of the policy',
  options: { max: Number.POSITIVE_INFINITY },
  check(checkpoint, _examination, { max }) {
    if (max === Number.POSITIVE_INFINITY) return undefined;
    const parameters = parametersOf(checkpoint);
    if (parameters <= max) return undefined;
    return {
      message: `The checkpoint has ${digitsAmount(parameters)} parameters, and the budget ends at ${digitsAmount(max)}. All floating-point and quantized tensors count, also those of an optimizer, which fix --weights leaves out.`,
      subjects: [fileName(checkpoint.path)],
    };
  },
});
