import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { pathName } from '../../../checkpoint/path.ts';
import { pathOf, walkNodes } from '../../../checkpoint/walk.ts';
import { PyBytes, PyText } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

const GIB = 2 ** 30;
/** Protocols 2 and 3 count the bytes of a string in 32 bits. */
const LIMIT = 4 * GIB;
/** Protocol 2 has no bytes: it writes them as text, in which a byte from 0x80 on takes two. */
const WORST_GROWTH = 2;

export default defineRule({
  id: 'pickle/inline-bytes-huge',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle holds strings or bytes near or over its 4 GiB limit',
  check(checkpoint) {
    const large = checkpoint.pickle?.longPayloads.filter(({ length }) => length >= GIB) ?? [];
    if (!large.length) return undefined;
    const largest = large.reduce((most, each) => (each.length > most.length ? each : most));
    const subjects = large.map(
      ({ opcode, offset, length }) => `${opcode} of ${length} bytes at offset ${offset}`,
    );
    const names = namesOfLarge(checkpoint);
    const held = `The pickle holds ${counted(large.length, 'string or bytes object', 'strings or bytes objects')} of up to ${inGib(largest.length)} GiB${names.length ? ` (${listed(names)})` : ''}`;
    const cure = 'Keep such data in tensors, which stand outside the pickle and have no limit.';
    if (largest.length >= LIMIT) {
      return {
        message: `${held}: protocols 2 and 3 end at 4 GiB ("serializing a string larger than 4 GiB requires pickle protocol 4 or higher"), and weights_only=True refuses what protocol 4 writes ("Unsupported operand 149"). ${cure}`,
        subjects,
      };
    }
    const text = largest.opcode.includes('UNICODE');
    return {
      severity: 'warning',
      message: `${held}, near the 4 GiB at which torch.save fails with "serializing a string larger than 4 GiB requires pickle protocol 4 or higher"${text ? '' : `; protocol 2 may take up to ${inGib(WORST_GROWTH * largest.length)} GiB for the same bytes`}. ${cure}`,
      subjects,
    };
  },
});

/** Where they stand in the checkpoint, as far as they are values in it. */
function namesOfLarge({ root }: Checkpoint): string[] {
  const names: string[] = [];
  walkNodes(root, (node, place) => {
    const length = node instanceof PyText ? node.range.length : node instanceof PyBytes ? node.length : 0;
    if (length >= GIB && place) names.push(pathName(pathOf(place)));
    return undefined;
  });
  return names;
}

function inGib(bytes: number): string {
  return (bytes / GIB).toFixed(1);
}
