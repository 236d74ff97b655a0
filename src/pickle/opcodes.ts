/**
 * How an opcode's argument stands in the stream.
 *
 * `u1 u2 i4 u4 u8` are little-endian integers, `f8` a big-endian double, `line` text up to a newline, `lines` two of these,
 * `run1 run4 run8` a length of 1, 4 or 8 bytes with that many bytes after it, `run4s` the same with a signed length.
 */
export type ArgumentForm =
  | 'none'
  | 'u1'
  | 'u2'
  | 'i4'
  | 'u4'
  | 'u8'
  | 'f8'
  | 'line'
  | 'lines'
  | 'run1'
  | 'run4'
  | 'run4s'
  | 'run8';

export interface Opcode {
  readonly code: number;
  readonly name: string;
  /** The first protocol that has it. */
  readonly protocol: number;
  readonly argument: ArgumentForm;
}

/** Byte of every opcode of protocols 0 to 5, by the name that Python's pickletools gives it. */
export const Op = {
  MARK: 0x28,
  EMPTY_TUPLE: 0x29,
  STOP: 0x2e,
  POP: 0x30,
  POP_MARK: 0x31,
  DUP: 0x32,
  BINBYTES: 0x42,
  SHORT_BINBYTES: 0x43,
  FLOAT: 0x46,
  BINFLOAT: 0x47,
  INT: 0x49,
  BININT: 0x4a,
  BININT1: 0x4b,
  LONG: 0x4c,
  BININT2: 0x4d,
  NONE: 0x4e,
  PERSID: 0x50,
  BINPERSID: 0x51,
  REDUCE: 0x52,
  STRING: 0x53,
  BINSTRING: 0x54,
  SHORT_BINSTRING: 0x55,
  UNICODE: 0x56,
  BINUNICODE: 0x58,
  EMPTY_LIST: 0x5d,
  APPEND: 0x61,
  BUILD: 0x62,
  GLOBAL: 0x63,
  DICT: 0x64,
  APPENDS: 0x65,
  GET: 0x67,
  BINGET: 0x68,
  INST: 0x69,
  LONG_BINGET: 0x6a,
  LIST: 0x6c,
  OBJ: 0x6f,
  PUT: 0x70,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  SETITEM: 0x73,
  TUPLE: 0x74,
  SETITEMS: 0x75,
  EMPTY_DICT: 0x7d,
  PROTO: 0x80,
  NEWOBJ: 0x81,
  EXT1: 0x82,
  EXT2: 0x83,
  EXT4: 0x84,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  LONG1: 0x8a,
  LONG4: 0x8b,
  SHORT_BINUNICODE: 0x8c,
  BINUNICODE8: 0x8d,
  BINBYTES8: 0x8e,
  EMPTY_SET: 0x8f,
  ADDITEMS: 0x90,
  FROZENSET: 0x91,
  NEWOBJ_EX: 0x92,
  STACK_GLOBAL: 0x93,
  MEMOIZE: 0x94,
  FRAME: 0x95,
  BYTEARRAY8: 0x96,
  NEXT_BUFFER: 0x97,
  READONLY_BUFFER: 0x98,
} as const;

export type OpName = keyof typeof Op;

const ARGUMENTS: Partial<Record<OpName, ArgumentForm>> = {
  BINBYTES: 'run4',
  SHORT_BINBYTES: 'run1',
  FLOAT: 'line',
  BINFLOAT: 'f8',
  INT: 'line',
  BININT: 'i4',
  BININT1: 'u1',
  LONG: 'line',
  BININT2: 'u2',
  PERSID: 'line',
  STRING: 'line',
  BINSTRING: 'run4s',
  SHORT_BINSTRING: 'run1',
  UNICODE: 'line',
  BINUNICODE: 'run4',
  GLOBAL: 'lines',
  GET: 'line',
  BINGET: 'u1',
  INST: 'lines',
  LONG_BINGET: 'u4',
  PUT: 'line',
  BINPUT: 'u1',
  LONG_BINPUT: 'u4',
  PROTO: 'u1',
  EXT1: 'u1',
  EXT2: 'u2',
  EXT4: 'i4',
  LONG1: 'run1',
  LONG4: 'run4s',
  SHORT_BINUNICODE: 'run1',
  BINUNICODE8: 'run8',
  BINBYTES8: 'run8',
  FRAME: 'u8',
  BYTEARRAY8: 'run8',
};

const FIRST_PROTOCOL: readonly [number, readonly OpName[]][] = [
  [
    1,
    [
      'EMPTY_TUPLE',
      'POP_MARK',
      'BINFLOAT',
      'BININT',
      'BININT1',
      'BININT2',
      'BINPERSID',
      'BINSTRING',
      'SHORT_BINSTRING',
      'BINUNICODE',
      'EMPTY_LIST',
      'APPENDS',
      'BINGET',
      'LONG_BINGET',
      'OBJ',
      'BINPUT',
      'LONG_BINPUT',
      'SETITEMS',
      'EMPTY_DICT',
    ],
  ],
  [
    2,
    [
      'PROTO',
      'NEWOBJ',
      'EXT1',
      'EXT2',
      'EXT4',
      'TUPLE1',
      'TUPLE2',
      'TUPLE3',
      'NEWTRUE',
      'NEWFALSE',
      'LONG1',
      'LONG4',
    ],
  ],
  [3, ['BINBYTES', 'SHORT_BINBYTES']],
  [
    4,
    [
      'SHORT_BINUNICODE',
      'BINUNICODE8',
      'BINBYTES8',
      'EMPTY_SET',
      'ADDITEMS',
      'FROZENSET',
      'NEWOBJ_EX',
      'STACK_GLOBAL',
      'MEMOIZE',
      'FRAME',
    ],
  ],
  [5, ['BYTEARRAY8', 'NEXT_BUFFER', 'READONLY_BUFFER']],
];

const PROTOCOL_OF = new Map(
  FIRST_PROTOCOL.flatMap(([protocol, names]) => names.map((name) => [name, protocol])),
);

/** The table by opcode byte; undefined where no protocol has the byte. */
export const OPCODES: readonly (Opcode | undefined)[] = (() => {
  const table: (Opcode | undefined)[] = new Array(256).fill(undefined);
  for (const [name, code] of Object.entries(Op) as [OpName, number][]) {
    table[code] = { code, name, protocol: PROTOCOL_OF.get(name) ?? 0, argument: ARGUMENTS[name] ?? 'none' };
  }
  return table;
})();

/** The name of an opcode byte; a byte that is none is shown as such. */
export function opcodeName(code: number): string {
  return OPCODES[code]?.name ?? `0x${code.toString(16).padStart(2, '0')}`;
}
