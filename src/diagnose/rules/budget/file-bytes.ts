import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { bytesAmount } from '../../amounts.ts';
import { defineRule } from '../../define-rule.ts';
import { fileName } from '../../wording.ts';

export default defineRule({
  id: 'budget/file-bytes',
  severity: 'error',
  needs: 'container',
  title: 'The file is larger than the budget of the policy',
  options: { max: Number.POSITIVE_INFINITY },
  check(checkpoint, _examination, { max }) {
    const bytes = bytesOf(checkpoint);
    if (bytes <= max) return undefined;
    return {
      message: `The checkpoint has ${bytesAmount(bytes)} (${bytes} bytes), and the budget ends at ${bytesAmount(max)} (${max} bytes). What to leave out is yours to say: fix --weights, --extract, --drop, --compact, --dtype float16.`,
      subjects: [fileName(checkpoint.path)],
    };
  },
});

/** Of the file, or of all files that the checkpoint is spread over. */
function bytesOf({ source, fileSize, sharding }: Checkpoint): number {
  if (!sharding) return fileSize ?? source.size;
  return sharding.files.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
}
