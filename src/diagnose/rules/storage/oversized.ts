import { findWaste } from '../../../checkpoint/waste.ts';
import { bytesAmount } from '../../amounts.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'storage/oversized',
  severity: 'warning',
  needs: 'pickle',
  title: 'Storages hold far more than their tensors use',
  // a slice of a few kilobytes is not worth a word, nor is a tenth of a percent of a large model
  options: { minRatio: 1.1, minBytes: 64 * 1024 },
  check(checkpoint, _examination, { minRatio, minBytes }) {
    if (checkpoint.omissions.length) return undefined;
    const { bytes: wasted, tensors } = findWaste(checkpoint);
    if (wasted < minBytes) return undefined;
    const total = checkpoint.storages.reduce((sum, { bytes }) => sum + bytes, 0);
    const used = total - wasted;
    if (total < used * minRatio) return undefined;
    const subjects = tensors.map(({ name }) => name);
    const times = used > 0 ? `, ${ratio(total / used)} times what is needed` : '';
    return {
      message: `${bytesAmount(wasted)} of ${bytesAmount(total)} belong to no tensor${times}: ${counted(subjects.length, 'tensor is a slice or view', 'tensors are slices or views')} of something larger (${listed(subjects)}), and torch.save writes all of it. Nothing fails, but file, download and memory are that much larger. fix --compact leaves the rest out; to save it right, .clone() them before.`,
      subjects,
      fix: ['--compact'],
    };
  },
});

function ratio(times: number): string {
  return times >= 10 ? String(Math.round(times)) : times.toFixed(1);
}
