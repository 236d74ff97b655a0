import type { Checkpoint, ContainerKind, PickleFacts } from '../../../checkpoint/checkpoint.ts';
import { Op, opcodeName } from '../../../pickle/opcodes.ts';
import { MOST_INLINE_BYTES } from '../../../pickle/protocol2.ts';
import { PyDict, PyList } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import type { Examination } from '../../examination.ts';
import { outlivesRewrite, protocolInUse, refusedOpcodes } from '../../weights-only-opcodes.ts';

/** Containers whose pickle `torch.load` hands to Python's unpickler. */
const KINDS: readonly ContainerKind[] = ['torch-zip', 'torch-legacy', 'pickle'];
/** The newest protocol that Python has. */
const NEWEST_PROTOCOL = 5;
/** Protocol 2 counts the bytes of a string in 32 bits. */
const MAX_STRING = 2 ** 32;

export default defineRule({
  id: 'pickle/protocol',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle has a protocol that weights_only does not read',
  check(checkpoint, examination) {
    const { pickle, container } = checkpoint;
    if (!pickle || !KINDS.includes(container.kind)) return undefined;
    const protocol = protocolInUse(pickle.protocol, pickle.opcodes);
    const refused = refusedOpcodes(pickle.opcodes);
    if (!refused.length && protocol <= 2) return undefined;
    const plain = plainFailures(pickle);
    const failures = [
      ...(refused.length ? [weightsOnlyFailure(firstMet(refused, protocol, checkpoint))] : []),
      ...plain,
    ];
    const elsewhere = plain.length || refused.some(outlivesRewrite) ? '' : ` ${loadsElsewhere(protocol)}`;
    const rewritable = isRewritable(checkpoint, pickle, refused);
    const cure = rewritable
      ? 'fix writes protocol 2, in the opcodes that weights_only reads.'
      : 'Protocol 2 can not say what is in it, so fix does not heal this: load it with torch.load(weights_only=False), if you trust it, and save what you need.';
    return {
      severity: failures.length ? 'error' : 'warning',
      message: failures.length
        ? `The pickle is of protocol ${protocol}: ${failures.join(', and ')}.${elsewhere} ${cure}`
        : `The pickle is of protocol ${protocol}: torch.load with weights_only=True warns "Detected pickle protocol ${protocol} in the checkpoint" and fails once a bytes object is in it ("Unsupported operand 67"). ${cure}`,
      subjects: refused.length
        ? refused.map((code) => `${opcodeName(code)} (${code})`)
        : [`PROTO ${protocol}`],
      fix: rewritable ? [needsPlainSets(pickle, examination) ? '--safe' : '--auto'] : [],
    };
  },
});

function weightsOnlyFailure(code: number): string {
  return `torch.load with weights_only=True, the default since torch 2.6, fails with "Unsupported operand ${code}" (${opcodeName(code)})`;
}

/** Older torch, whose default is another; Python knows protocol 4 since 3.4 and protocol 5 since 3.8. */
function loadsElsewhere(protocol: number): string {
  const python = protocol === 5 ? ' under Python 3.8 or newer' : '';
  return `torch up to 2.5, and weights_only=False since, load it${python}.`;
}

/** What fails with `weights_only=False` too. */
function plainFailures({ protocol, opcodes }: PickleFacts): string[] {
  if (protocol > NEWEST_PROTOCOL)
    return [`weights_only=False with "unsupported pickle protocol: ${protocol}"`];
  return opcodes[Op.PERSID] ? ['weights_only=False with "saved_id must be a tuple, got str"'] : [];
}

/** Which of the opcodes the unpickler meets first: FRAME leads protocol 4, and protocol 0 opens a container before it fills it. */
function firstMet(refused: readonly number[], protocol: number, { root, container }: Checkpoint): number {
  // a legacy stream begins with its magic number, a pickle of its own
  if (container.kind === 'torch-legacy' && protocol < 2) return Op.LONG;
  const opening = root instanceof PyDict ? Op.DICT : root instanceof PyList ? Op.LIST : Op.PUT;
  const leader = protocol === 0 ? opening : Op.FRAME;
  return refused.find((code) => code === leader) ?? (refused[0] as number);
}

/** Protocol 2 can only call for a frozenset, by a name that `weights_only` refuses. */
function needsPlainSets({ opcodes }: PickleFacts, { withoutPlainForm }: Examination): boolean {
  return (opcodes[Op.FROZENSET] ?? 0) > 0 && withoutPlainForm.length === 0;
}

/**
 * Self-referring tuples, extension codes, out-of-band buffers and very long bytes have no other form in protocol 2. And protocol 0
 * writes a storage's description as text: where that was not understood, there is no tensor to write again.
 */
function isRewritable({ storages }: Checkpoint, pickle: PickleFacts, refused: readonly number[]): boolean {
  if (refused.some(outlivesRewrite)) return false;
  let heldBytes = 0;
  for (const { opcode, length } of pickle.longPayloads) {
    if (length >= MAX_STRING) return false;
    if (!opcode.includes('UNICODE')) heldBytes += length;
  }
  if (heldBytes > MOST_INLINE_BYTES) return false;
  return !pickle.opcodes[Op.PERSID] || storages.length > 0;
}
