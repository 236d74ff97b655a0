import { type Instruction, LONGEST_SHOWN } from '../pickle/disassembler.ts';
import { Op } from '../pickle/opcodes.ts';
import type { Value } from '../pickle/values.ts';
import type { ErrorEntry } from './inspect-document.ts';
import { inline } from './json.ts';
import type { PickleEvent } from './pickle-events.ts';
import { valueJson } from './pickle-value-json.ts';

const SCHEMA = 'ckpt-doctor/show-pickle/1';
/** Opcodes whose payload is text. */
const TEXT_OPCODES: ReadonlySet<number> = new Set([Op.BINUNICODE, Op.SHORT_BINUNICODE, Op.BINUNICODE8]);

/** What the document says of the whole file. */
export interface PickleFile {
  readonly path: string;
  /** Of the file; undefined where it can't be had. */
  readonly bytes?: number;
  /** The record that was read; undefined where the file is the pickle, or none was found. */
  readonly record?: string;
}

/**
 * Writes the document of `show-pickle --format json` piece by piece, as the pickles are read: however many opcodes there are, each piece is
 * short. What goes wrong comes last, behind what was read until then.
 */
export class PickleJson {
  #pickles = 0;
  /** Items of the list that is open. */
  #items = 0;
  #isOpen = false;

  head({ path, bytes, record }: PickleFile): string {
    const file = { path, ...(bytes !== undefined && { bytes }) };
    const where = record === undefined ? '' : `,\n  "record": ${inline(record)}`;
    return `{\n  "schema": "${SCHEMA}",\n  "file": ${inline(file)}${where},\n  "pickles": [`;
  }

  /** Begins a pickle that is listed. @param offset Of its first byte in the record or file. */
  open(offset: number): string {
    this.#isOpen = true;
    this.#items = 0;
    return `${this.#pickles++ > 0 ? ',' : ''}\n    {\n      "offset": ${offset},\n      "opcodes": [`;
  }

  *opcodes(
    batch: readonly Instruction[],
    events: ReadonlyMap<number, readonly PickleEvent[]>,
  ): Generator<string> {
    for (const instruction of batch) {
      const entry = opcodeEntry(instruction, events.get(instruction.offset));
      yield `${this.#items++ > 0 ? ',' : ''}\n        ${inline(entry)}`;
    }
  }

  /** Ends the pickle that is listed. @param bytes Up to and with STOP; undefined where it breaks. */
  close(bytes?: number): string {
    this.#isOpen = false;
    const end = bytes === undefined ? '' : `,\n      "bytes": ${bytes}`;
    return `${this.#items > 0 ? '\n      ]' : ']'}${end}\n    }`;
  }

  /** A pickle as the values that it describes. */
  *values(offset: number, bytes: number, value: Value): Generator<string> {
    yield `${this.#pickles++ > 0 ? ',' : ''}\n    {\n      "offset": ${offset},\n      "bytes": ${bytes},\n`;
    yield* valueJson(value, '      ');
    yield '\n    }';
  }

  /** @param trailing Bytes behind the last pickle, which are none. */
  end(trailing: number, error?: ErrorEntry): string {
    const open = this.#isOpen ? this.close() : '';
    const list = this.#pickles > 0 ? '\n  ]' : ']';
    const more = trailing > 0 ? `,\n  "trailingBytes": ${trailing}` : '';
    const fault = error ? `,\n  "error": ${inline(error)}` : '';
    return `${open}${list}${more}${fault}\n}\n`;
  }
}

function opcodeEntry({ offset, name, ...rest }: Instruction, events: readonly PickleEvent[] = []): object {
  return Object.assign({ offset, opcode: name, ...argumentEntry(rest) }, ...events.map(eventEntry));
}

function eventEntry(event: PickleEvent): object {
  if (event.kind === 'oddity') return { oddity: { kind: event.oddity, what: event.what } };
  return { [event.kind]: { name: event.name ?? null, tier: event.tier } };
}

type Argument = Pick<Instruction, 'argument' | 'code' | 'length'>;

/** Payloads come with their start where they are long, and `length` says how many bytes, or characters, they are. */
function argumentEntry({ argument, code, length }: Argument): { argument?: unknown; length?: number } {
  if (argument === undefined) return {};
  const whole = length === undefined ? {} : { length };
  if (argument instanceof Uint8Array) {
    const bytes = Buffer.from(argument.buffer, argument.byteOffset, argument.length);
    // what a cut has left of the last character is no character
    const text = () => bytes.toString('utf8').replace(length === undefined ? /$^/ : /\ufffd+$/, '');
    return { argument: TEXT_OPCODES.has(code) ? text() : { hex: bytes.toString('hex') }, ...whole };
  }
  if (typeof argument === 'number') return { argument: numberEntry(argument) };
  const text = String(argument);
  return text.length <= LONGEST_SHOWN
    ? { argument: text }
    : { argument: text.slice(0, LONGEST_SHOWN), length: text.length };
}

function numberEntry(value: number): number | string {
  return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);
}
