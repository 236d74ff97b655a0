import { OPCODES, Op, type OpName } from '../pickle/opcodes.ts';

/** The opcodes that the unpickler behind `weights_only=True` executes, in torch 1.13 as in 2.14 (`torch/_weights_only_unpickler.py`). */
const EXECUTED: readonly OpName[] = [
  'PROTO',
  'STOP',
  'MARK',
  'GLOBAL',
  'REDUCE',
  'NEWOBJ',
  'BUILD',
  'BINPERSID',
  'TUPLE',
  'TUPLE1',
  'TUPLE2',
  'TUPLE3',
  'EMPTY_TUPLE',
  'EMPTY_LIST',
  'EMPTY_DICT',
  'EMPTY_SET',
  'APPEND',
  'APPENDS',
  'SETITEM',
  'SETITEMS',
  'NONE',
  'NEWTRUE',
  'NEWFALSE',
  'BININT',
  'BININT1',
  'BININT2',
  'LONG1',
  'BINFLOAT',
  'BINUNICODE',
  'SHORT_BINSTRING',
  'BINGET',
  'LONG_BINGET',
  'BINPUT',
  'LONG_BINPUT',
];

const executed = new Set<number>(EXECUTED.map((name) => Op[name]));

/** Opcode bytes in use that end `torch.load(weights_only=True)` with "Unsupported operand <byte>", in the order of their bytes. */
export function refusedOpcodes(counts: Readonly<Uint32Array>): number[] {
  const refused: number[] = [];
  counts.forEach((count, code) => {
    if (count > 0 && !executed.has(code)) refused.push(code);
  });
  return refused;
}

/** True for a byte that is an opcode of pickles, and one that `weights_only` does not execute. */
export function isRefusedOpcode(code: number): boolean {
  return OPCODES[code] !== undefined && !executed.has(code);
}

/** Protocol 2 can't say what these say in any other way: tuples that hold themselves, registry codes, out-of-band buffers. */
const WITHOUT_SUBSTITUTE: readonly OpName[] = [
  'POP',
  'POP_MARK',
  'EXT1',
  'EXT2',
  'EXT4',
  'NEXT_BUFFER',
  'READONLY_BUFFER',
];

const withoutSubstitute = new Set<number>(WITHOUT_SUBSTITUTE.map((name) => Op[name]));

/** True for a refused opcode that is still needed when the same values are written as protocol 2. */
export function outlivesRewrite(code: number): boolean {
  return withoutSubstitute.has(code);
}

/** Protocols 0 and 1 do not declare themselves: a stream without PROTO is of protocol 1 when it has an opcode of protocol 1. */
export function protocolInUse(declared: number, counts: Readonly<Uint32Array>): number {
  if (declared > 0) return declared;
  return OPCODES.some((opcode) => opcode?.protocol === 1 && (counts[opcode.code] ?? 0) > 0) ? 1 : 0;
}
