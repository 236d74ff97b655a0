import { findWaste } from '../../../checkpoint/waste.ts';
import { bytesAmount } from '../../amounts.ts';
import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'budget/wasted-bytes',
  severity: 'error',
  needs: 'pickle',
  title: 'Storages hold more unused bytes than the budget of the policy',
  options: { max: Number.POSITIVE_INFINITY },
  check(checkpoint, _examination, { max }) {
    // what was left out of the listing may use what seems unused
    if (max === Number.POSITIVE_INFINITY || checkpoint.omissions.length > 0) return undefined;
    const { bytes: wasted, tensors } = findWaste(checkpoint);
    if (wasted <= max) return undefined;
    return {
      message: `${bytesAmount(wasted)} (${wasted} bytes) of the storages belong to no tensor, and the budget ends at ${bytesAmount(max)}. A slice or view was saved with all of the tensor that it was cut from. fix --compact leaves the rest out.`,
      subjects: tensors.map(({ name }) => name),
      fix: ['--compact'],
    };
  },
});
