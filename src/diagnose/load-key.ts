import { OPCODES } from '../pickle/opcodes.ts';

/** How `torch.load` fails on a file that is neither archive nor pickle, by its first byte. */
export function loadKeyFailure(first: string): string {
  const byte = first.charCodeAt(0);
  const operand = `torch.load fails with "Unsupported operand ${byte}" (the number is the first byte)`;
  return OPCODES[byte]
    ? operand
    : `${operand}, with weights_only=False "invalid load key, '${escaped(first)}'."`;
}

/** As Python's `repr` spells a character. */
function escaped(character: string): string {
  const byte = character.charCodeAt(0);
  return byte >= 0x20 && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
}
