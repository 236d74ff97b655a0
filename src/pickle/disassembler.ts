import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { decodeLong } from './integers.ts';
import { type ArgumentForm, OPCODES, Op, opcodeName } from './opcodes.ts';

/** Bytes that are at hand at a time. */
const WINDOW = 2 ** 20;
/** Bytes of a payload that come with its instruction; longer ones are passed over. */
export const LONGEST_SHOWN = 256;
/** Integers of more bytes are shown as bytes: their digits would take longer than all the rest. */
const LONGEST_INTEGER = 1024;
/** A line without an end is searched for its newline so far. */
const LONGEST_LINE = 16 * 2 ** 20;

/** One opcode of a stream, with its argument as it stands there. */
export interface Instruction {
  /** Offset in the pickle of the opcode. */
  readonly offset: number;
  readonly code: number;
  /** As Python's pickletools has it. */
  readonly name: string;
  /** Undefined where the opcode has none. Lines are text; the two lines of GLOBAL and INST are joined by a space. */
  readonly argument: number | bigint | string | Uint8Array | undefined;
  /** Bytes of a payload, where `argument` has only its start. */
  readonly length?: number;
}

/**
 * The opcodes of the pickle that starts at `start`, up to and with STOP, a window of the stream at a time. Nothing is run, and the stack
 * is not looked at: it goes on where a loader would give up.
 *
 * @throws UnreadableError `bad-pickle` at a byte that is no opcode, `truncated` where the source ends before STOP.
 */
export async function* disassemble(source: ByteSource, start = 0): AsyncGenerator<Instruction[], void, void> {
  const size = source.size - start;
  let length = WINDOW;
  for (let position = 0; ; ) {
    const bytes = await source.read(start + position, Math.min(length, size - position));
    const window = new WindowReader(bytes, position, size);
    yield window.batch;
    if (window.fault) throw window.fault;
    if (window.stopped) return;
    length = Math.max(WINDOW, window.needed);
    position = window.position;
    if (position + window.needed > size) throw truncated(position, size);
  }
}

/** The instructions that a window holds whole. */
class WindowReader {
  readonly batch: Instruction[] = [];
  /** What ends the listing behind the batch. */
  readonly fault: UnreadableError | undefined;
  stopped = false;
  /** Offset in the pickle of the first opcode that the window does not hold whole, and bytes that it takes at least. */
  position: number;
  needed = 0;
  readonly #bytes: Buffer;
  readonly #base: number;
  readonly #size: number;
  #at = 0;

  constructor(bytes: Uint8Array, base: number, size: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
    this.#size = size;
    this.position = base;
    try {
      while (!this.stopped && this.#readNext());
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      this.fault = error;
    }
  }

  /** False where the window ends inside the opcode. */
  #readNext(): boolean {
    this.#at = this.position - this.#base;
    const at = this.#take(1);
    if (at < 0) return false;
    const offset = this.position;
    const code = this.#bytes[at] as number;
    const form = OPCODES[code]?.argument;
    if (form === undefined) throw noOpcode(code, offset);
    const read = this.#argument(form, code);
    if (!read) return false;
    this.batch.push({ offset, code, name: opcodeName(code), ...read });
    this.position = this.#base + this.#at;
    this.stopped = code === Op.STOP;
    return true;
  }

  /** Where the next bytes stand in the window; -1 where it does not hold so many. */
  #take(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at <= this.#bytes.length) return at;
    this.needed = this.#at - (this.position - this.#base);
    return -1;
  }

  #argument(form: ArgumentForm, code: number): Argument | undefined {
    if (form === 'none') return NO_ARGUMENT;
    if (form === 'line' || form === 'lines') return this.#lines(form === 'line' ? 1 : 2);
    const bytes = this.#bytes;
    const at = this.#take(WIDTHS[form]);
    if (at < 0) return undefined;
    switch (form) {
      case 'u1':
        return { argument: bytes[at] as number };
      case 'u2':
        return { argument: bytes.readUInt16LE(at) };
      case 'i4':
        return { argument: bytes.readInt32LE(at) };
      case 'u4':
        return { argument: bytes.readUInt32LE(at) };
      case 'u8':
        return { argument: bytes.readBigUInt64LE(at) };
      case 'f8':
        return { argument: bytes.readDoubleBE(at) };
      case 'run1':
        return this.#payload(bytes[at] as number, code);
      case 'run4':
        return this.#payload(bytes.readUInt32LE(at), code);
      case 'run4s':
        return this.#payload(bytes.readInt32LE(at), code);
      case 'run8':
        return this.#payload(Number(bytes.readBigUInt64LE(at)), code);
    }
  }

  /** Only the start of a long payload is looked at; the rest need not be at hand. */
  #payload(length: number, code: number): Argument | undefined {
    if (length < 0) throw negativeLength(code, this.position, length);
    if (this.#base + this.#at + length > this.#size) throw truncated(this.position, this.#size);
    const isInteger = (code === Op.LONG1 || code === Op.LONG4) && length <= LONGEST_INTEGER;
    const shown = isInteger ? length : Math.min(length, LONGEST_SHOWN);
    const at = this.#take(shown);
    if (at < 0) return undefined;
    const bytes = this.#bytes.subarray(at, at + shown);
    this.#at += length - shown;
    if (isInteger) return { argument: decodeLong(bytes) };
    return shown < length ? { argument: bytes, length } : { argument: bytes };
  }

  #lines(count: 1 | 2): Argument | undefined {
    const texts: string[] = [];
    for (let line = 0; line < count; line++) {
      const end = this.#bytes.indexOf(0x0a, this.#at);
      if (end < 0) {
        // twice as much next time, while there is any
        const held = this.#bytes.length - (this.position - this.#base);
        const left = this.#size - this.position;
        this.needed = held < left && held < LONGEST_LINE ? Math.min(2 * held + 64, left) : left + 1;
        return undefined;
      }
      texts.push(this.#bytes.toString(count === 1 ? 'latin1' : 'utf8', this.#at, end));
      this.#at = end + 1;
    }
    return { argument: texts.join(' ') };
  }
}

type Argument = Pick<Instruction, 'argument' | 'length'>;
const NO_ARGUMENT: Argument = { argument: undefined };

/** Bytes of an argument, or of the length before it. */
const WIDTHS = { u1: 1, u2: 2, i4: 4, u4: 4, u8: 8, f8: 8, run1: 1, run4: 4, run4s: 4, run8: 8 } as const;

function noOpcode(code: number, offset: number): UnreadableError {
  const hex = code.toString(16).padStart(2, '0');
  return new UnreadableError(
    'bad-pickle',
    `byte 0x${hex} at offset ${offset} is no opcode of any protocol: the pickle is damaged, or none`,
    offset,
  );
}

function negativeLength(code: number, offset: number, length: number): UnreadableError {
  const message = `opcode ${opcodeName(code)} at offset ${offset} declares ${length} bytes: the pickle is damaged`;
  return new UnreadableError('bad-pickle', message, offset);
}

function truncated(position: number, size: number): UnreadableError {
  return new UnreadableError(
    'truncated',
    `the pickle ends at byte ${size} inside the opcode at offset ${position}, before STOP: it is cut short, or none`,
    position,
  );
}
