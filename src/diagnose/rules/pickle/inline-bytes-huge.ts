import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { pathName } from '../../../checkpoint/path.ts';
import { pathOf, walkNodes } from '../../../checkpoint/walk.ts';
import { PyBytes, PyText } from '../../../pickle/values.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

const GIB = 2 ** 30;
/** Protocols 2 and 3 count the bytes of a string in 32 bits. */
const LIMIT = 4 * GIB;
const CURE =
  'Keep such data in tensors, which stand outside the pickle and have no limit; fix does not move it yet.';
const EXPORT = 'torch.export.save before 2.7 knows protocol 2 alone, and fails to save such data again.';
/** Protocol 2 has no bytes: it writes them as text, in which a byte from 0x80 on takes two. */
const WORST_GROWTH = 2;

export default defineRule({
  id: 'pickle/inline-bytes-huge',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle holds strings or bytes near or over its 4 GiB limit',
  check(checkpoint) {
    const large = checkpoint.pickle?.longPayloads.filter(({ length }) => length >= GIB) ?? [];
    if (!large.length) return wholePickle(checkpoint);
    const largest = large.reduce((most, each) => (each.length > most.length ? each : most));
    const subjects = large.map(
      ({ opcode, offset, length }) => `${opcode} of ${length} bytes at offset ${offset}`,
    );
    const names = namesOfLarge(checkpoint);
    const held = `The pickle holds ${counted(large.length, 'string or bytes object', 'strings or bytes objects')} of up to ${inGib(largest.length)} GiB${names.length ? ` (${listed(names)})` : ''}`;
    if (largest.length >= LIMIT) {
      return {
        message: `${held}: protocols 2 and 3 end at 4 GiB ("serializing a string larger than 4 GiB requires pickle protocol 4 or higher"), and weights_only=True, the default since torch 2.6, refuses what protocol 4 writes ("Unsupported operand 149"). With weights_only=False every torch loads it under Python 3.4 or newer. ${EXPORT} ${CURE}`,
        subjects,
      };
    }
    const text = largest.opcode.includes('UNICODE');
    const loads = large.every(({ opcode }) => opcode === 'BINUNICODE')
      ? 'Every torch loads the file as it is.'
      : 'weights_only=True, the default since torch 2.6, refuses it ("Unsupported operand 66" for bytes of protocol 3, 149 for protocol 4); weights_only=False loads it in every torch.';
    return {
      severity: 'warning',
      message: `${held}, near the 4 GiB at which torch.save fails with "serializing a string larger than 4 GiB requires pickle protocol 4 or higher"${text ? '' : `; protocol 2 may take up to ${inGib(WORST_GROWTH * largest.length)} GiB for the same bytes`}. ${loads} ${EXPORT} ${CURE}`,
      subjects,
    };
  },
});

/** No object is large by itself, but all of them together are. */
function wholePickle({ pickle }: Checkpoint): RuleResult | undefined {
  if (!pickle || pickle.length < LIMIT) return undefined;
  return {
    severity: 'warning',
    message: `The pickle itself has ${inGib(pickle.length)} GiB: every torch that knows zip64 archives loads it, but all of it into memory, also with mmap=True. ${CURE}`,
    subjects: ['data.pkl'],
  };
}

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
