import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { decodeLong } from './integers.ts';
import type { MachineState } from './machine-state.ts';
import { OPCODES, Op, opcodeName } from './opcodes.ts';
import { decodeText } from './text.ts';
import { TextWindow } from './text-window.ts';
import { PyBytes, PyText, type Value } from './values.ts';

/** Payloads of more than this are facts about a pickle. By default they stay ranges, so that memory follows the structure and not the data. */
const LONG_PAYLOAD = 2 ** 20;

/** A payload of more than 1 MiB that stands in the stream itself. */
export interface LongPayload {
  /** Offset in the pickle of its first byte. */
  readonly offset: number;
  readonly length: number;
  readonly opcode: string;
}

/** Strings, bytes and long integers: opcodes that say a length and bring that many bytes. */
export class Payloads {
  readonly long: LongPayload[] = [];
  readonly texts = new TextWindow();
  readonly #source: ByteSource;
  /** Where the pickle starts in the source, and its bytes up to the end of that. */
  readonly #origin: number;
  readonly #size: number;
  readonly #longestHeld: number;

  constructor(source: ByteSource, origin: number, size: number, longestHeld = LONG_PAYLOAD) {
    this.#source = source;
    this.#origin = origin;
    this.#size = size;
    this.#longestHeld = longestHeld;
  }

  open(window: Buffer): void {
    this.texts.open(window);
  }

  /** The length that stands behind the opcode at `at` of the window, held against what is left of the stream. */
  length(state: MachineState, code: number, at: number): number {
    const { window } = state;
    let length: number;
    let prefix = 4;
    switch (OPCODES[code]?.argument) {
      case 'run1':
        length = window[at + 1] as number;
        prefix = 1;
        break;
      case 'run4s':
        length = window.readInt32LE(at + 1);
        if (length < 0) throw state.fault(`a negative length, ${length}`);
        break;
      case 'run8':
        length = Number(window.readBigUInt64LE(at + 1));
        prefix = 8;
        break;
      default:
        length = window.readUInt32LE(at + 1);
    }
    const left = this.#size - state.position - 1 - prefix;
    if (length > left) {
      throw new UnreadableError(
        'truncated',
        `pickle opcode ${opcodeName(code)} at offset ${state.position} wants ${length} bytes, ${left} are left: the file is cut short or damaged`,
        state.position,
      );
    }
    return length;
  }

  /** True for what is not loaded. Integers are always loaded. */
  staysInSource(code: number, length: number): boolean {
    return length > this.#longestHeld && code !== Op.LONG1 && code !== Op.LONG4;
  }

  /** The value of `length` bytes from `start`, an offset in the pickle, as a range of the source. */
  range(code: number, start: number, length: number): Value {
    if (length > LONG_PAYLOAD) this.long.push({ offset: start, length, opcode: opcodeName(code) });
    const range = { source: this.#source, offset: this.#origin + start, length };
    switch (code) {
      case Op.BINUNICODE:
      case Op.BINUNICODE8:
      case Op.SHORT_BINUNICODE:
        return new PyText(range);
      case Op.BINSTRING:
      case Op.SHORT_BINSTRING:
        return new PyBytes('str2', range);
      default:
        return new PyBytes(code === Op.BYTEARRAY8 ? 'bytearray' : 'bytes', range);
    }
  }

  /** The value of the bytes `[start, end)` of the window. */
  held(state: MachineState, code: number, start: number, end: number): Value {
    const { window } = state;
    switch (code) {
      case Op.BINUNICODE:
      case Op.SHORT_BINUNICODE:
      case Op.BINUNICODE8: {
        const text = this.texts.read(start, end);
        if (text === undefined) throw state.fault('the string is not UTF-8');
        return text;
      }
      case Op.SHORT_BINSTRING:
      case Op.BINSTRING:
        return this.texts.read(start, end) ?? new PyBytes('str2', copy(window, start, end));
      case Op.LONG1:
      case Op.LONG4:
        return decodeLong(window.subarray(start, end));
      default:
        return new PyBytes(
          code === Op.BYTEARRAY8 ? 'bytearray' : 'bytes',
          copy(window, start, end),
          this.#origin + state.base + start,
        );
    }
  }
}

/** A Python-2 `str`: torch.load reads it as UTF-8; what is none stays bytes. */
export function python2String(bytes: Buffer): Value {
  return decodeText(bytes) ?? new PyBytes('str2', copy(bytes, 0, bytes.length));
}

/** Bytes of their own, because the window is given up. */
function copy(bytes: Buffer, start: number, end: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, start, end);
}
