import { bytesAmount } from '../../amounts.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'values/duplicate-tensors',
  severity: 'info',
  needs: 'payload',
  title: 'Equal tensors are stored more than once',
  check(_checkpoint, { payload }) {
    const groups = payload?.values?.duplicates ?? [];
    const [first] = groups;
    if (!first) return undefined;
    const copies = groups.flatMap(([, ...others]) => others);
    const bytes = copies.reduce((sum, tensor) => sum + tensor.bytes, 0);
    return {
      message: `${counted(copies.length, 'tensor')} of ${bytesAmount(bytes)} in all ${copies.length === 1 ? 'repeats' : 'repeat'} the bytes of others in storages of ${copies.length === 1 ? 'its' : 'their'} own (${listed(first.map(({ name }) => name))} are equal): tied weights that were saved untied, or a copy (EMA, best) that does not differ. Leave out what is not needed with fix --drop, or tie them in the model and save again.`,
      subjects: copies.map(({ name }) => name),
    };
  },
});
