import type { Instruction } from '../../pickle/disassembler.ts';
import { Op } from '../../pickle/opcodes.ts';
import type { PickleEvent } from '../pickle-events.ts';
import { inkOfTier } from './loading-lines.ts';
import type { Ink, Screen } from './screen.ts';
import { visible } from './text.ts';

/** Characters of an argument in a line. */
const LONGEST_ARGUMENT = 200;
const NAME_COLUMN = 11;

/** What takes the last MARK away. */
const CLOSING: ReadonlySet<number> = new Set([
  Op.TUPLE,
  Op.LIST,
  Op.DICT,
  Op.APPENDS,
  Op.SETITEMS,
  Op.ADDITEMS,
  Op.FROZENSET,
  Op.INST,
  Op.OBJ,
  Op.POP_MARK,
]);

/**
 * Lays out instructions the way Python's pickletools does: offset, the opcode as it stands in the stream, its name, indented by the marks
 * that are open, and its argument. What a loader would call there is said behind it.
 */
export class PickleListing {
  readonly #screen: Screen;
  readonly #events: ReadonlyMap<number, readonly PickleEvent[]>;
  #marks = 0;

  constructor(screen: Screen, events: ReadonlyMap<number, readonly PickleEvent[]>) {
    this.#screen = screen;
    this.#events = events;
  }

  line(instruction: Instruction): string {
    const { offset, code, name } = instruction;
    const { inks, unicode } = this.#screen;
    if (CLOSING.has(code)) this.#marks = Math.max(0, this.#marks - 1);
    const indent = '    '.repeat(Math.min(this.#marks, 10));
    if (code === Op.MARK) this.#marks++;
    const argument = argumentText(instruction);
    // of an opcode that imports and calls, the call says both
    const event = this.#events.get(offset)?.at(-1);
    const head = `${inks.faint(`${String(offset).padStart(5)}:`)} ${opcodeText(code).padEnd(4)} ${indent}`;
    const shown = argument === undefined ? name : `${name.padEnd(NAME_COLUMN)}${visible(argument, unicode)}`;
    return event
      ? head + inkOf(event, this.#screen)(`${shown}  # ${visible(noteOf(event), unicode)}`)
      : head + shown;
  }
}

function noteOf(event: PickleEvent): string {
  if (event.kind === 'oddity') return `${event.oddity}: ${event.what}`;
  if (event.kind === 'call') return `calls ${event.name ?? 'the result of a call'}`;
  return `imports ${event.name} (${event.tier === 'danger' ? 'dangerous' : event.tier})`;
}

function inkOf(event: PickleEvent, screen: Screen): Ink {
  return event.kind === 'oddity' ? screen.inks.warning : inkOfTier(event.tier, screen);
}

function opcodeText(code: number): string {
  return code > 0x20 && code < 0x7f ? String.fromCharCode(code) : `\\x${code.toString(16).padStart(2, '0')}`;
}

function argumentText({ argument, code, length }: Instruction): string | undefined {
  if (argument === undefined) return undefined;
  const more = length === undefined ? '' : `… (${length} bytes)`;
  if (argument instanceof Uint8Array)
    return payloadText(code, Buffer.from(argument.buffer, argument.byteOffset, argument.length)) + more;
  if (typeof argument === 'string')
    return argument.length > LONGEST_ARGUMENT
      ? `${argument.slice(0, LONGEST_ARGUMENT)}… (${argument.length} characters)`
      : argument;
  const text = String(argument);
  return text.length > LONGEST_ARGUMENT
    ? `${text.slice(0, LONGEST_ARGUMENT)}… (${text.length} digits)`
    : text;
}

const TEXT_OPCODES: ReadonlySet<number> = new Set([Op.BINUNICODE, Op.SHORT_BINUNICODE, Op.BINUNICODE8]);

function payloadText(code: number, bytes: Buffer): string {
  if (TEXT_OPCODES.has(code)) return quoted(bytes.toString('utf8').slice(0, LONGEST_ARGUMENT));
  const text = bytes.toString('latin1', 0, LONGEST_ARGUMENT);
  const escaped = text.replace(
    /[^ -~]|[\\']/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `b'${escaped}'`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
