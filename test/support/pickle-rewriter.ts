import { OPCODES, Op, type OpName } from '../../src/pickle/opcodes.ts';
import type { Random } from '../fuzz/random.ts';

/** An opcode with its argument as it stands in the stream, length and line ends included. */
export interface Instruction {
  readonly name: OpName;
  readonly argument: Buffer;
}

/** Says a stream in another way: a loader does the same, in the same order. */
export type Rewriting = (instructions: readonly Instruction[], random: Random) => Instruction[];

const NOTHING = Buffer.alloc(0);
const instruction = (name: OpName, argument: Buffer = NOTHING): Instruction => ({ name, argument });

/** The instructions of the stream that begins at `at`, up to STOP or to where it breaks, and where that is. */
export function readInstructions(
  bytes: Buffer,
  at = 0,
): { readonly instructions: readonly Instruction[]; readonly end: number } {
  const instructions: Instruction[] = [];
  for (let end = at; ; ) {
    const opcode = OPCODES[bytes[end] ?? -1];
    const next = opcode && endOfArgument(bytes, end + 1, opcode.argument);
    if (!opcode || next === undefined) return { instructions, end };
    instructions.push(instruction(opcode.name as OpName, bytes.subarray(end + 1, next)));
    end = next;
    if (opcode.code === Op.STOP) return { instructions, end };
  }
}

const FIXED: Readonly<Record<string, number>> = { none: 0, u1: 1, u2: 2, i4: 4, u4: 4, u8: 8, f8: 8 };

/** Undefined where the stream ends before. */
function endOfArgument(bytes: Buffer, at: number, form: string): number | undefined {
  if (form === 'line' || form === 'lines') {
    const first = bytes.indexOf(10, at);
    const last = form === 'line' || first < 0 ? first : bytes.indexOf(10, first + 1);
    return last < 0 ? undefined : last + 1;
  }
  const width = form.startsWith('run') ? Number.parseInt(form.slice(3), 10) : FIXED[form];
  const content = at + (width as number);
  if (content > bytes.length) return undefined;
  const end = form.startsWith('run') ? content + Number(lengthAt(bytes, at, width as number)) : content;
  return end > bytes.length ? undefined : end;
}

function lengthAt(bytes: Buffer, at: number, width: number): number | bigint {
  if (width === 8) return bytes.readBigUInt64LE(at);
  return bytes.readUIntLE(at, width);
}

export function bytesOf(instructions: readonly Instruction[]): Buffer {
  return Buffer.concat(instructions.flatMap(({ name, argument }) => [Buffer.of(Op[name]), argument]));
}

/**
 * Bytes in which each pickle is rewritten, one after the other. One that breaks is rewritten up to there if it is the first; what follows
 * the last STOP and is no whole pickle stays as it is.
 */
export function rewritePickles(bytes: Buffer, rewriting: Rewriting, random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const { instructions, end } = readInstructions(bytes, at);
    if (instructions.length === 0 || (at > 0 && instructions.at(-1)?.name !== 'STOP'))
      return Buffer.concat([...parts, bytes.subarray(at)]);
    parts.push(bytesOf(rewriting(instructions, random)));
    at = end;
  }
}

/** Something is put on the stack and taken away, never before the first opcode: what begins with PROTO is known by it. */
const insertNoise: Rewriting = (instructions, random) =>
  instructions.flatMap((each, index) =>
    index > 0 && random.chance(0.5) ? [instruction('NONE'), instruction('POP'), each] : [each],
  );

const withoutFrames = (instructions: readonly Instruction[]): Instruction[] =>
  instructions.filter(({ name }) => name !== 'FRAME');

function framed(instructions: readonly Instruction[]): Instruction[] {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytesOf(instructions).length));
  return [instruction('FRAME', length), ...instructions];
}

/** Frames of `most` opcodes and fewer; PROTO stays outside, as Python writes it. */
function inFrames(most: (random: Random) => number): Rewriting {
  return (instructions, random) => {
    const plain = withoutFrames(instructions);
    const rewritten = plain[0]?.name === 'PROTO' ? plain.splice(0, 1) : [];
    while (plain.length > 0) rewritten.push(...framed(plain.splice(0, most(random))));
    return rewritten;
  };
}

function number(width: 1 | 2 | 4, value: number): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntLE(value, 0, width);
  return bytes;
}

function run(width: 1 | 4 | 8, content: Buffer): Buffer {
  const length = Buffer.alloc(width);
  if (width === 8) length.writeBigUInt64LE(BigInt(content.length));
  else length.writeUIntLE(content.length, 0, width);
  return Buffer.concat([length, content]);
}

const LENGTH_WIDTHS: Partial<Record<OpName, 1 | 4 | 8>> = {
  SHORT_BINUNICODE: 1,
  BINUNICODE: 4,
  BINUNICODE8: 8,
  SHORT_BINSTRING: 1,
  BINSTRING: 4,
  SHORT_BINBYTES: 1,
  BINBYTES: 4,
  BINBYTES8: 8,
};

/** A string of text, of Python 2 or of bytes by any opcode that makes the same value. */
const reencodeStrings: Rewriting = (instructions, random) =>
  instructions.map((each) => {
    const width = LENGTH_WIDTHS[each.name];
    const written = width && random.pick(spellings(each.name, each.argument.subarray(width)));
    return written ?? each;
  });

function spellings(name: OpName, content: Buffer): Instruction[] {
  const isShort = content.length < 256;
  if (name.endsWith('UNICODE') || name === 'BINUNICODE8') {
    const text = content.toString();
    const isText = Buffer.from(text).equals(content);
    return [
      ...(isShort ? [instruction('SHORT_BINUNICODE', run(1, content))] : []),
      instruction('BINUNICODE', run(4, content)),
      instruction('BINUNICODE8', run(8, content)),
      ...(isText ? [instruction('UNICODE', rawUnicodeEscape(text))] : []),
    ];
  }
  if (name.endsWith('BYTES') || name === 'BINBYTES8')
    return [
      ...(isShort ? [instruction('SHORT_BINBYTES', run(1, content))] : []),
      instruction('BINBYTES', run(4, content)),
      instruction('BINBYTES8', run(8, content)),
    ];
  return [
    ...(isShort ? [instruction('SHORT_BINSTRING', run(1, content))] : []),
    instruction('BINSTRING', run(4, content)),
    instruction('STRING', Buffer.from(`'${[...content].map(hexEscape).join('')}'\n`)),
  ];
}

const hexEscape = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

/** As Python's pickler writes UNICODE; everything that is no letter of ASCII is escaped, which all readers undo. */
function rawUnicodeEscape(text: string): Buffer {
  const escaped = [...text].map((character) => {
    const code = character.codePointAt(0) as number;
    if (code > 0xffff) return `\\U${code.toString(16).padStart(8, '0')}`;
    return code >= 0x20 && code < 0x7f && character !== '\\'
      ? character
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return Buffer.from(`${escaped.join('')}\n`, 'latin1');
}

const INTEGERS: Partial<Record<OpName, (argument: Buffer) => number>> = {
  BININT1: (argument) => argument.readUInt8(),
  BININT2: (argument) => argument.readUInt16LE(),
  BININT: (argument) => argument.readInt32LE(),
};

/** A whole number as a longer one, or as text. */
const reencodeIntegers: Rewriting = (instructions, random) =>
  instructions.map((each) => {
    const value = INTEGERS[each.name]?.(each.argument);
    if (value === undefined) return each;
    const binary = Buffer.alloc(4);
    binary.writeInt32LE(value);
    return random.pick([
      each,
      instruction('BININT', binary),
      instruction('LONG1', run(1, binary)),
      instruction('INT', Buffer.from(`${value}\n`)),
      instruction('LONG', Buffer.from(`${value}L\n`)),
    ]);
  });

/** GLOBAL as two strings and STACK_GLOBAL, which Python looks up alike, the names of Python 2 included. */
const globalsFromStack: Rewriting = (instructions, random) =>
  instructions.flatMap((each) => {
    if (each.name !== 'GLOBAL' || random.chance(0.2)) return [each];
    const split = each.argument.indexOf(10);
    const names = [each.argument.subarray(0, split), each.argument.subarray(split + 1, -1)];
    return [
      ...names.map((content) => instruction('BINUNICODE', run(4, content))),
      instruction('STACK_GLOBAL'),
    ];
  });

const PUTS: Partial<Record<OpName, (argument: Buffer) => number>> = {
  PUT: lineNumber,
  BINPUT: (argument) => argument.readUInt8(),
  LONG_BINPUT: (argument) => argument.readUInt32LE(),
};
const GETS: Partial<Record<OpName, (argument: Buffer) => number>> = {
  GET: lineNumber,
  BINGET: (argument) => argument.readUInt8(),
  LONG_BINGET: (argument) => argument.readUInt32LE(),
};

function lineNumber(line: Buffer): number {
  return Number(line.toString('latin1').trim() || Number.NaN);
}

/** Every slot of the memo gets another number; MEMOIZE, which takes the number of slots in use, becomes a PUT of that slot. */
const renumberMemo: Rewriting = (instructions, random) => {
  const used = new Set<number>();
  const slots = new Map<number, number>();
  const taken = new Set<number>();
  const slotOf = (old: number): number => {
    let slot = slots.get(old);
    while (slot === undefined) {
      const candidate = random.below(100_000);
      if (!taken.has(candidate)) slot = candidate;
    }
    taken.add(slot);
    slots.set(old, slot);
    return slot;
  };
  const isSlot = (slot: number | undefined): slot is number => Number.isSafeInteger(slot);
  return instructions.map((each) => {
    const put = each.name === 'MEMOIZE' ? used.size : PUTS[each.name]?.(each.argument);
    if (isSlot(put)) {
      used.add(put);
      const slot = slotOf(put);
      return random.chance(0.5)
        ? instruction('LONG_BINPUT', number(4, slot))
        : instruction('PUT', Buffer.from(`${slot}\n`));
    }
    const got = GETS[each.name]?.(each.argument);
    if (!isSlot(got)) return each;
    const slot = slotOf(got);
    return random.chance(0.5)
      ? instruction('LONG_BINGET', number(4, slot))
      : instruction('GET', Buffer.from(`${slot}\n`));
  });
};

/** Each way to say a stream differently, and all of them one after the other. */
export const REWRITINGS: Readonly<Record<string, Rewriting>> = {
  'something put on the stack and taken away': insertNoise,
  'no frames': withoutFrames,
  'one frame': inFrames(() => Number.POSITIVE_INFINITY),
  'frames of a few opcodes': inFrames((random) => 1 + random.below(4)),
  'strings in other opcodes': reencodeStrings,
  'integers in other opcodes': reencodeIntegers,
  'names from the stack': globalsFromStack,
  'another numbering of the memo': renumberMemo,
  'all of it': (instructions, random) =>
    [
      globalsFromStack,
      insertNoise,
      reencodeStrings,
      reencodeIntegers,
      renumberMemo,
      inFrames((source) => 1 + source.below(4)),
    ].reduce<Instruction[]>((said, rewriting) => rewriting(said, random), [...instructions]),
};
