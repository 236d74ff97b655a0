import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UnreadableError } from '../../src/io/errors.ts';
import { OPCODES, Op, type OpName } from '../../src/pickle/opcodes.ts';
import { callableName, EMPTY_TUPLE, PyGlobal, type PyTuple } from '../../src/pickle/values.ts';
import { show } from './show.ts';
import { decode, decodedValue, f8, faultOf, i4, type Piece, stream, text, u1, u2, u4, u8 } from './stream.ts';

const GLOBAL: Piece[] = ['GLOBAL', text('mod\nname\n')];
const ONE: Piece[] = ['BININT1', u1(1)];
const TWO: Piece[] = ['BININT1', u1(2)];
const UNICODE_A: Piece[] = ['SHORT_BINUNICODE', u1(1), text('a')];

/** Streams without PROTO, by the opcode that they are about; each is followed by STOP. */
const VALUES: readonly (readonly [OpName, string, readonly Piece[]])[] = [
  ['MARK', '[1]', ['MARK', ...ONE, 'LIST']],
  ['EMPTY_TUPLE', '()', ['EMPTY_TUPLE']],
  ['STOP', '1', [...ONE]],
  ['POP', '1', [...ONE, ...TWO, 'POP']],
  ['POP', '1', [...ONE, 'MARK', 'POP']],
  ['POP_MARK', '1', [...ONE, 'MARK', ...TWO, ...TWO, 'POP_MARK']],
  ['DUP', '(&1 [], *1)', ['EMPTY_LIST', 'DUP', 'TUPLE2']],
  ['BINBYTES', 'bytes 00ff', ['BINBYTES', u4(2), u1(0), u1(255)]],
  ['SHORT_BINBYTES', 'bytes 00ff', ['SHORT_BINBYTES', u1(2), u1(0), u1(255)]],
  ['SHORT_BINBYTES', 'bytes ', ['SHORT_BINBYTES', u1(0)]],
  ['BINBYTES8', 'bytes 41', ['BINBYTES8', u8(1), text('A')]],
  ['BYTEARRAY8', 'bytearray 4142', ['BYTEARRAY8', u8(2), text('AB')]],
  ['FLOAT', 'float 1.5', ['FLOAT', text('1.5\n')]],
  ['FLOAT', 'float -0', ['FLOAT', text('-0.0\n')]],
  ['FLOAT', 'float -Infinity', ['FLOAT', text('-inf\n')]],
  ['FLOAT', 'float NaN', ['FLOAT', text('nan\n')]],
  ['FLOAT', 'float 1e+300', ['FLOAT', text('1e300\n')]],
  ['BINFLOAT', 'float -2.25', ['BINFLOAT', f8(-2.25)]],
  ['BINFLOAT', 'float -0', ['BINFLOAT', f8(-0)]],
  ['INT', '-7', ['INT', text('-7\n')]],
  ['INT', 'true', ['INT', text('01\n')]],
  ['INT', 'false', ['INT', text('00\n')]],
  ['INT', '9007199254740993n', ['INT', text('9007199254740993\n')]],
  ['BININT', '-2147483648', ['BININT', i4(-(2 ** 31))]],
  ['BININT1', '255', ['BININT1', u1(255)]],
  ['BININT2', '65535', ['BININT2', u2(65535)]],
  ['LONG', '12', ['LONG', text('12L\n')]],
  ['LONG', '-12', ['LONG', text('-12\n')]],
  ['LONG', '1267650600228229401496703205376n', ['LONG', text('1267650600228229401496703205376L\n')]],
  ['LONG1', '0', ['LONG1', u1(0)]],
  ['LONG1', '-1', ['LONG1', u1(1), u1(255)]],
  ['LONG1', '255', ['LONG1', u1(2), u1(255), u1(0)]],
  ['LONG4', '-256', ['LONG4', i4(2), u1(0), u1(255)]],
  ['NONE', 'null', ['NONE']],
  ['NEWTRUE', 'true', ['NEWTRUE']],
  ['NEWFALSE', 'false', ['NEWFALSE']],
  ['PERSID', 'persistent "12"', ['PERSID', text('12\n')]],
  ['BINPERSID', 'persistent 1', [...ONE, 'BINPERSID']],
  ['GLOBAL', '<mod.name>', GLOBAL],
  ['STACK_GLOBAL', '<a.a>', [...UNICODE_A, ...UNICODE_A, 'STACK_GLOBAL']],
  ['REDUCE', 'reduce <mod.name> (1)', [...GLOBAL, ...ONE, 'TUPLE1', 'REDUCE']],
  ['NEWOBJ', 'newobj <mod.name> ()', [...GLOBAL, 'EMPTY_TUPLE', 'NEWOBJ']],
  ['NEWOBJ_EX', 'newobj-ex <mod.name> () {}', [...GLOBAL, 'EMPTY_TUPLE', 'EMPTY_DICT', 'NEWOBJ_EX']],
  ['INST', 'inst <mod.name> (1, 2)', ['MARK', ...ONE, ...TWO, 'INST', text('mod\nname\n')]],
  ['OBJ', 'inst <mod.name> (1)', ['MARK', ...GLOBAL, ...ONE, 'OBJ']],
  ['BUILD', 'reduce <mod.name> () build {}', [...GLOBAL, 'EMPTY_TUPLE', 'REDUCE', 'EMPTY_DICT', 'BUILD']],
  ['STRING', '"a\'\\n"', ['STRING', text("'a\\'\\n'\n")]],
  ['STRING', '"\\"x\\u0001"', ['STRING', text('"\\"x\\x01"\n')]],
  ['STRING', 'str2 ff', ['STRING', text("'\\xff'\n")]],
  ['BINSTRING', '"ab"', ['BINSTRING', i4(2), text('ab')]],
  ['BINSTRING', 'str2 80', ['BINSTRING', i4(1), u1(0x80)]],
  ['SHORT_BINSTRING', '"é"', ['SHORT_BINSTRING', u1(2), u1(0xc3), u1(0xa9)]],
  ['SHORT_BINSTRING', 'str2 c3', ['SHORT_BINSTRING', u1(1), u1(0xc3)]],
  ['UNICODE', '"a\u00e9€😀\\\\"', ['UNICODE', text('a\u00e9\\u20ac\\U0001f600\\u005c\n')]],
  ['BINUNICODE', '"ab"', ['BINUNICODE', u4(2), text('ab')]],
  ['BINUNICODE', '"\\ud800"', ['BINUNICODE', u4(3), u1(0xed), u1(0xa0), u1(0x80)]],
  ['SHORT_BINUNICODE', '"€"', ['SHORT_BINUNICODE', u1(3), Buffer.from('€')]],
  ['BINUNICODE8', '""', ['BINUNICODE8', u8(0)]],
  ['EMPTY_LIST', '[]', ['EMPTY_LIST']],
  ['APPEND', '[1]', ['EMPTY_LIST', ...ONE, 'APPEND']],
  ['APPENDS', '[1, 2]', ['EMPTY_LIST', 'MARK', ...ONE, ...TWO, 'APPENDS']],
  ['APPENDS', '[]', ['EMPTY_LIST', 'MARK', 'APPENDS']],
  ['LIST', '[1, 2]', ['MARK', ...ONE, ...TWO, 'LIST']],
  ['EMPTY_DICT', '{}', ['EMPTY_DICT']],
  ['DICT', '{1: 2}', ['MARK', ...ONE, ...TWO, 'DICT']],
  ['SETITEM', '{1: 2}', ['EMPTY_DICT', ...ONE, ...TWO, 'SETITEM']],
  ['SETITEMS', '{1: 2, 2: 1}', ['EMPTY_DICT', 'MARK', ...ONE, ...TWO, ...TWO, ...ONE, 'SETITEMS']],
  ['SETITEMS', '{}', ['EMPTY_DICT', 'MARK', 'SETITEMS']],
  ['TUPLE', '(1, 2)', ['MARK', ...ONE, ...TWO, 'TUPLE']],
  ['TUPLE', '()', ['MARK', 'TUPLE']],
  ['TUPLE1', '(1)', [...ONE, 'TUPLE1']],
  ['TUPLE2', '(1, 2)', [...ONE, ...TWO, 'TUPLE2']],
  ['TUPLE3', '(1, 2, 1)', [...ONE, ...TWO, ...ONE, 'TUPLE3']],
  ['EMPTY_SET', 'set {}', ['EMPTY_SET']],
  ['ADDITEMS', 'set {1, 2}', ['EMPTY_SET', 'MARK', ...ONE, ...TWO, 'ADDITEMS']],
  ['FROZENSET', 'frozenset {1}', ['MARK', ...ONE, 'FROZENSET']],
  ['EXT1', 'extension 200', ['EXT1', u1(200)]],
  ['EXT2', 'extension 65000', ['EXT2', u2(65000)]],
  ['EXT4', 'extension 100000', ['EXT4', i4(100000)]],
  ['NEXT_BUFFER', '(buffer 0, buffer 1)', ['NEXT_BUFFER', 'NEXT_BUFFER', 'TUPLE2']],
  ['READONLY_BUFFER', 'buffer 0 readonly', ['NEXT_BUFFER', 'READONLY_BUFFER']],
  ['PROTO', '1', ['PROTO', u1(4), ...ONE]],
  ['FRAME', '1', ['FRAME', u8(3), ...ONE]],
  // what is put aside is the object itself
  ['PUT', '(&1 [], *1)', ['EMPTY_LIST', 'PUT', text('7\n'), 'GET', text('7\n'), 'TUPLE2']],
  ['GET', '(&1 [], *1)', ['EMPTY_LIST', 'PUT', text('0\n'), 'GET', text('0\n'), 'TUPLE2']],
  ['BINPUT', '(&1 [], *1)', ['EMPTY_LIST', 'BINPUT', u1(0), 'BINGET', u1(0), 'TUPLE2']],
  ['BINGET', '(&1 [], *1)', ['EMPTY_LIST', 'BINPUT', u1(255), 'BINGET', u1(255), 'TUPLE2']],
  [
    'LONG_BINPUT',
    '(&1 [], *1)',
    ['EMPTY_LIST', 'LONG_BINPUT', u4(2 ** 32 - 1), 'LONG_BINGET', u4(2 ** 32 - 1), 'TUPLE2'],
  ],
  ['LONG_BINGET', '(&1 [], *1)', ['EMPTY_LIST', 'BINPUT', u1(0), 'LONG_BINGET', u4(0), 'TUPLE2']],
  ['MEMOIZE', '(&1 [], *1)', ['EMPTY_LIST', 'MEMOIZE', 'BINGET', u1(0), 'TUPLE2']],
];

describe('decodePickle', () => {
  it.each(VALUES)('runs %s to %s', async (_name, expected, pieces) => {
    expect(show(await decodedValue(stream(...pieces, 'STOP')))).toBe(expected);
  });

  it('has a stream for every opcode', () => {
    const seen = new Set(VALUES.map(([name]) => name));
    expect(Object.keys(Op).filter((name) => !seen.has(name as OpName))).toEqual([]);
  });

  it('counts opcodes, and tells protocol, length, names and persistent ids', async () => {
    const bytes = stream(
      'PROTO',
      u1(2),
      ...GLOBAL,
      'BINPUT',
      u1(0),
      'BINGET',
      u1(0),
      ...GLOBAL,
      ...ONE,
      'BINPERSID',
      'TUPLE3',
      'TUPLE2',
      'STOP',
      text('rest'),
    );
    const decoded = await decode(bytes);
    expect(decoded.protocol).toBe(2);
    expect(decoded.length).toBe(bytes.length - 4);
    expect(decoded.opcodes[Op.GLOBAL]).toBe(2);
    expect(decoded.opcodes[Op.STOP]).toBe(1);
    expect(decoded.opcodes.reduce((sum, count) => sum + count)).toBe(10);
    expect(decoded.globals.map(({ qualifiedName, uses, offset }) => [qualifiedName, uses, offset])).toEqual([
      ['mod.name', 3, 2],
    ]);
    expect(decoded.persistents.map(({ id }) => id)).toEqual([1]);
  });

  it('keeps what was in a memo slot before it was filled again', async () => {
    const bytes = stream(
      'EMPTY_LIST',
      'BINPUT',
      u1(0),
      'EMPTY_DICT',
      'BINPUT',
      u1(0),
      'BINGET',
      u1(0),
      'TUPLE3',
      'STOP',
    );
    expect(show(await decodedValue(bytes))).toBe('([], &1 {}, *1)');
  });

  it('memoizes into the slot after as many as there are, wherever those stand', async () => {
    const bytes = stream(
      ...ONE,
      'LONG_BINPUT',
      u4(9),
      'MEMOIZE',
      'EMPTY_LIST',
      'MEMOIZE',
      'BINGET',
      u1(1),
      'BINGET',
      u1(2),
      'TUPLE3',
      'STOP',
    );
    expect(show(await decodedValue(bytes))).toBe('(&1 [], 1, *1)');
    const filledTwice = stream(
      'NONE',
      'BINPUT',
      u1(1),
      'BINPUT',
      u1(0),
      'BINPUT',
      u1(1),
      'EMPTY_LIST',
      'MEMOIZE',
      'BINGET',
      u1(2),
      'TUPLE2',
      'STOP',
    );
    expect(show(await decodedValue(filledTwice))).toBe('(&1 [], *1)');
  });

  it('gives None back from the memo', async () => {
    expect(show(await decodedValue(stream('NONE', 'BINPUT', u1(0), 'BINGET', u1(0), 'TUPLE2', 'STOP')))).toBe(
      '(null, null)',
    );
  });

  it('notes what the stream does to an object, in its order, runs of one kind as one', async () => {
    const object: Piece[] = [...GLOBAL, 'EMPTY_TUPLE', 'REDUCE'];
    const set: Piece[] = [...ONE, ...TWO, 'SETITEM'];
    const bytes = stream(
      ...object,
      ...set,
      'MARK',
      ...TWO,
      ...ONE,
      'SETITEMS',
      ...ONE,
      'BUILD',
      ...set,
      ...TWO,
      'APPEND',
      'MARK',
      ...ONE,
      'APPENDS',
      'MARK',
      ...ONE,
      'ADDITEMS',
      'STOP',
    );
    expect(show(await decodedValue(bytes))).toBe(
      'reduce <mod.name> () set {1: 2, 2: 1} build 1 set {1: 2} append [2, 1] add [1]',
    );
  });

  it('reads the OrderedDict of Python 2 as that of Python 3', async () => {
    const pairs: Piece[] = ['EMPTY_LIST', 'MARK', ...ONE, ...TWO, 'TUPLE2', 'APPENDS'];
    const ordered: Piece[] = ['GLOBAL', text('collections\nOrderedDict\n')];
    expect(show(await decodedValue(stream(...ordered, ...pairs, 'TUPLE1', 'REDUCE', 'STOP')))).toBe(
      'reduce <collections.OrderedDict> () set {1: 2}',
    );
    expect(
      show(
        await decodedValue(stream(...ordered, 'EMPTY_LIST', ...ONE, 'APPEND', 'TUPLE1', 'REDUCE', 'STOP')),
      ),
    ).toBe('reduce <collections.OrderedDict> ([1])');
  });

  it('knows the empty tuple as one object', async () => {
    const value = (await decodedValue(stream('EMPTY_TUPLE', 'MARK', 'TUPLE', 'TUPLE2', 'STOP'))) as PyTuple;
    expect(value.items).toEqual([EMPTY_TUPLE, EMPTY_TUPLE]);
    expect(value.items[0]).toBe(value.items[1]);
  });

  it('keeps a name as one node, however it is spelled out', async () => {
    const value = (await decodedValue(
      stream('GLOBAL', text('a\na\n'), ...UNICODE_A, ...UNICODE_A, 'STACK_GLOBAL', 'TUPLE2', 'STOP'),
    )) as PyTuple;
    expect(value.items[0]).toBeInstanceOf(PyGlobal);
    expect(value.items[0]).toBe(value.items[1]);
  });

  it.each([0, 1, 2, 3, 4, 5])('reads what CPython writes in protocol %i', async (protocol) => {
    const streams: string[] = JSON.parse(readFileSync('test/pickle/cpython.json', 'utf8')).streams;
    const decoded = await decode(Buffer.from(streams[protocol] as string, 'base64'));
    expect(decoded.protocol).toBe(protocol < 2 ? 0 : protocol);
    // protocols below 3 have no bytes, those below 4 no sets: Python writes calls instead
    const shown = show(decoded.value)
      .replace(/reduce <_codecs.encode> \(("(?:[^"\\]|\\.)*"), "latin1"\)/g, (_, quoted) =>
        bytesOfText(quoted),
      )
      .replace(/reduce <__builtin__.bytes> \(\)/g, 'bytes ')
      .replace(/reduce <(?:__builtin__|builtins).bytearray> \(bytes (\w*)\)/g, 'bytearray $1')
      .replace(/reduce <(?:__builtin__|builtins)\.(frozenset|set)> \(\[([^\]]*)\]\)/g, '$1 {$2}');
    expect(shown).toBe(CPYTHON_VALUE);
  });
});

function bytesOfText(quoted: string): string {
  return `bytes ${Buffer.from(JSON.parse(quoted), 'latin1').toString('hex')}`;
}

const LONGEST = `"${'x'.repeat(300)}"`;
const CPYTHON_VALUE = `{"none": null, "bools": (true, false), "ints": [0, 1, 255, 256, 65535, 65536, 2147483647, -1, -2147483648, 2147483648, 9007199254740992n, -9007199254740993n, ${2n ** 100n}n, -${2n ** 2040n}n], "floats": [float 0, float -0, float 1.5, float Infinity, float 1e-300], "text": ["", "a", "é", "€", "😀", ${LONGEST}, "a\\nb\\\\u0041", "\\ud800"], "bytes": [bytes , bytes 6162ff, bytes ${'7a'.repeat(300)}], "bytearray": bytearray 626180, "tuples": [(), (1), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "sets": [set {}, set {7}, frozenset {8}], "shared": [&1 [1, 2], *1], "odict": reduce <collections.OrderedDict> () set {"k": 1, "l": 2}, "cls": <collections.OrderedDict>, "cycle": &2 [*2], "tuplecycle": &3 ([*3])}`;

const NOTHING = 'the stack has nothing to take';
const NO_MARK = 'no MARK before it';

/** Streams that no pickler writes, with the words of the fault and its offset. */
const FAULTS: readonly (readonly [string, readonly Piece[], string, number])[] = [
  ...(
    [
      'STOP',
      'POP',
      'DUP',
      'TUPLE1',
      'REDUCE',
      'NEWOBJ',
      'NEWOBJ_EX',
      'BUILD',
      'APPEND',
      'SETITEM',
      'BINPERSID',
      'STACK_GLOBAL',
      'MEMOIZE',
      'READONLY_BUFFER',
    ] as const
  ).map((name): [string, Piece[], string, number] => [
    `${name} on an empty stack`,
    [name, 'STOP'],
    NOTHING,
    0,
  ]),
  ...(['TUPLE2', 'REDUCE', 'NEWOBJ', 'BUILD', 'APPEND', 'SETITEM', 'STACK_GLOBAL'] as const).map(
    (name): [string, Piece[], string, number] => [
      `${name} with one value`,
      ['NONE', name, 'STOP'],
      NOTHING,
      1,
    ],
  ),
  ['TUPLE3 with two values', ['NONE', 'NONE', 'TUPLE3', 'STOP'], NOTHING, 2],
  ['SETITEM without a dict', ['NONE', 'NONE', 'SETITEM', 'STOP'], NOTHING, 2],
  ['NEWOBJ_EX with two values', ['NONE', 'NONE', 'NEWOBJ_EX', 'STOP'], NOTHING, 2],
  ['BINPUT on an empty stack', ['BINPUT', u1(0), 'STOP'], NOTHING, 0],
  ['LONG_BINPUT on an empty stack', ['LONG_BINPUT', u4(0), 'STOP'], NOTHING, 0],
  ['PUT on an empty stack', ['PUT', text('0\n'), 'STOP'], NOTHING, 0],
  ['APPENDS with nothing below the mark', ['MARK', 'NONE', 'APPENDS', 'STOP'], NOTHING, 2],
  ['ADDITEMS with nothing below the mark', ['MARK', 'NONE', 'ADDITEMS', 'STOP'], NOTHING, 2],
  ['SETITEMS with nothing below the mark', ['MARK', 'NONE', 'NONE', 'SETITEMS', 'STOP'], NOTHING, 3],
  [
    'SETITEMS below the mark before',
    ['EMPTY_DICT', 'MARK', 'MARK', 'NONE', 'NONE', 'SETITEMS', 'STOP'],
    NOTHING,
    5,
  ],
  ['STOP under a mark', ['NONE', 'MARK', 'STOP'], NOTHING, 2],
  ['TUPLE1 across a mark', ['NONE', 'MARK', 'TUPLE1', 'STOP'], NOTHING, 2],
  ...(
    ['POP_MARK', 'LIST', 'DICT', 'TUPLE', 'APPENDS', 'SETITEMS', 'ADDITEMS', 'FROZENSET', 'OBJ'] as const
  ).map((name): [string, Piece[], string, number] => [
    `${name} without MARK`,
    ['EMPTY_LIST', name, 'STOP'],
    NO_MARK,
    1,
  ]),
  ['INST without MARK', ['INST', text('a\nb\n'), 'STOP'], NO_MARK, 0],
  ['OBJ without class', ['MARK', 'OBJ', 'STOP'], 'no class after MARK', 1],
  ['DICT of a lone key', ['MARK', 'NONE', 'DICT', 'STOP'], 'a key without a value', 2],
  ['SETITEMS of a lone key', ['EMPTY_DICT', 'MARK', 'NONE', 'SETITEMS', 'STOP'], 'a key without a value', 3],
  ['BINGET of an empty slot', ['BINGET', u1(3), 'STOP'], 'memo slot 3 was never filled', 0],
  [
    'LONG_BINGET of an empty slot',
    ['NONE', 'BINPUT', u1(0), 'LONG_BINGET', u4(1), 'STOP'],
    'memo slot 1 was never filled',
    3,
  ],
  ['GET of an empty slot', ['GET', text('12\n'), 'STOP'], 'memo slot 12 was never filled', 0],
  ['GET of no number', ['GET', text('x\n'), 'STOP'], 'memo slot "x"', 0],
  ['PUT of a negative slot', ['NONE', 'PUT', text('-1\n'), 'STOP'], 'memo slot "-1"', 1],
  ['INT of words', ['INT', text('1x\n'), 'STOP'], '"1x" is no integer', 0],
  ['LONG of nothing', ['LONG', text('L\n'), 'STOP'], '"" is no integer', 0],
  ['FLOAT of words', ['FLOAT', text('1.5.2\n'), 'STOP'], '"1.5.2" is no float', 0],
  ['FLOAT in hexadecimal', ['FLOAT', text('0x10\n'), 'STOP'], '"0x10" is no float', 0],
  [
    'STRING without quotes',
    ['STRING', text('abc\n'), 'STOP'],
    'the string is not quoted as Python quotes',
    0,
  ],
  ['STRING with one quote', ['STRING', text("'\n"), 'STOP'], 'the string is not quoted as Python quotes', 0],
  [
    'STRING with a cut escape',
    ['STRING', text("'\\x4'\n"), 'STOP'],
    'the string is not quoted as Python quotes',
    0,
  ],
  [
    'BINUNICODE that is no UTF-8',
    ['BINUNICODE', u4(2), u1(0xc3), u1(0x28), 'STOP'],
    'the string is not UTF-8',
    0,
  ],
  [
    'SHORT_BINUNICODE cut in a character',
    ['SHORT_BINUNICODE', u1(2), u1(0xe2), u1(0x82), 'STOP'],
    'the string is not UTF-8',
    0,
  ],
  [
    'BINUNICODE8 with an overlong form',
    ['BINUNICODE8', u8(2), u1(0xc0), u1(0x80), 'STOP'],
    'the string is not UTF-8',
    0,
  ],
  ['GLOBAL that is no UTF-8', ['GLOBAL', u1(0xff), text('\nb\n'), 'STOP'], 'the name is not UTF-8', 0],
  [
    'STACK_GLOBAL of numbers',
    [...ONE, ...TWO, 'STACK_GLOBAL', 'STOP'],
    'module and name must be strings, found a number and a number',
    4,
  ],
  [
    'STACK_GLOBAL of None',
    ['NONE', ...UNICODE_A, 'STACK_GLOBAL', 'STOP'],
    'module and name must be strings, found None and a string',
    4,
  ],
  ['BINSTRING of negative length', ['BINSTRING', i4(-1), 'STOP'], 'a negative length, -1', 0],
  ['LONG4 of negative length', ['LONG4', i4(-5), 'STOP'], 'a negative length, -5', 0],
  ['SETITEM on a list', ['EMPTY_LIST', 'NONE', 'NONE', 'SETITEM', 'STOP'], "items can't be set on a list", 3],
  [
    'SETITEMS on a global',
    [...GLOBAL, 'MARK', 'SETITEMS', 'STOP'],
    "items can't be set on the global mod.name",
    11,
  ],
  [
    'SETITEM of a list as key',
    ['EMPTY_DICT', 'EMPTY_LIST', 'NONE', 'SETITEM', 'STOP'],
    'a key that is a list',
    3,
  ],
  [
    'SETITEMS of a dict as key',
    ['EMPTY_DICT', 'MARK', 'EMPTY_DICT', 'NONE', 'SETITEMS', 'STOP'],
    'a key that is a list, dict',
    4,
  ],
  ['APPEND to a dict', ['EMPTY_DICT', 'NONE', 'APPEND', 'STOP'], "a dict can't be appended to", 2],
  ['APPENDS to a number', [...ONE, 'MARK', 'APPENDS', 'STOP'], "a number can't be appended to", 3],
  [
    'ADDITEMS to a frozenset',
    ['MARK', 'FROZENSET', 'MARK', 'ADDITEMS', 'STOP'],
    "items can't be added to a set",
    3,
  ],
  ['BUILD of a dict', ['EMPTY_DICT', 'NONE', 'BUILD', 'STOP'], 'a dict takes no state', 2],
];

describe('what a loader does behind a trick', () => {
  const call: Piece[] = ['GLOBAL', text('os\nsystem\n'), 'EMPTY_TUPLE', 'REDUCE'];
  const built: Piece[] = ['GLOBAL', text('builtins\nstr\n'), 'EMPTY_TUPLE', 'REDUCE'];
  const traceOf = async (...pieces: Piece[]) => {
    const { globals, calls, oddities } = (await decode(stream(...pieces))).trace;
    return {
      globals: globals.map(({ qualifiedName }) => qualifiedName),
      calls: calls.map((each) => callableName(each)),
      oddities: oddities.map(({ kind, offset }) => [kind, offset]),
    };
  };

  it('is seen behind a state for a function, which Python gives it', async () => {
    expect(await traceOf(...GLOBAL, 'EMPTY_DICT', 'BUILD', ...call, 'TUPLE2', 'STOP')).toEqual({
      globals: ['mod.name', 'os.system'],
      calls: ['os.system'],
      oddities: [['build-on-value', 11]],
    });
  });

  it('is seen behind an import whose names are the results of calls', async () => {
    expect(await traceOf(...built, ...built, 'STACK_GLOBAL', ...call, 'TUPLE2', 'STOP')).toEqual({
      globals: ['builtins.str', '<computed>.<computed>', 'os.system'],
      calls: ['builtins.str', 'builtins.str', 'os.system'],
      oddities: [['computed-import', 32]],
    });
  });

  it('ends at an extension code that no registry has', async () => {
    for (const code of [
      ['EXT1', u1(0)],
      ['EXT2', u2(0)],
      ['EXT4', i4(-1)],
    ] as Piece[][])
      expect(await faultOf(stream(...code, ...call, 'TUPLE2', 'STOP'))).toMatchObject({
        offset: 0,
        message: expect.stringMatching(/EXT\d at offset 0: extension codes start at 1/),
      });
  });
});

describe('a stream that no pickler writes', () => {
  it.each(FAULTS)('%s', async (_what, pieces, words, offset) => {
    const error = await faultOf(stream(...pieces));
    expect(error).toBeInstanceOf(UnreadableError);
    const { code, message, offset: found } = error as UnreadableError;
    expect(code).toBe('bad-pickle');
    expect(message).toMatch(new RegExp(`^bad pickle: opcode [A-Z_0-9x]+ at offset ${offset}: `));
    expect(message).toContain(words);
    expect(found).toBe(offset);
  });

  const unknown = OPCODES.flatMap((opcode, code) => (opcode ? [] : [code]));
  it('has a byte that is no opcode', async () => {
    expect(unknown).toHaveLength(188);
    for (const code of unknown) {
      const name = `0x${code.toString(16).padStart(2, '0')}`;
      expect(await faultOf(stream('NONE', u1(code), 'STOP'))).toMatchObject({
        code: 'bad-pickle',
        message: `bad pickle: opcode ${name} at offset 1: no protocol has this opcode: the bytes are no pickle, or damaged`,
      });
    }
  });
});

describe('a stream that is cut short', () => {
  // in the shortest of them every byte counts: cut anywhere, each must be a clear error
  it.each(VALUES)('%s (%s), cut at any byte', async (_name, _expected, pieces) => {
    const whole = stream(...pieces, 'STOP');
    for (let length = 0; length < whole.length; length++) {
      const error = await faultOf(whole.subarray(0, length));
      expect(error).toBeInstanceOf(UnreadableError);
      expect((error as UnreadableError).code).toBe('truncated');
      expect((error as UnreadableError).message).toMatch(/^pickle [^\n]+$/);
    }
  });

  it.each([
    ['BINUNICODE', u4(2 ** 32 - 1)],
    ['BINBYTES8', Buffer.alloc(8, 0xff)],
    ['BYTEARRAY8', u8(2 ** 40)],
    ['LONG4', i4(2 ** 31 - 1)],
    ['BINSTRING', i4(2 ** 31 - 1)],
  ] as const)('%s that claims more than there is', async (name, length) => {
    const error = await faultOf(stream(name, length, text('abc')));
    expect(error).toMatchObject({ code: 'truncated', offset: 0 });
    expect((error as UnreadableError).message).toMatch(
      new RegExp(`^pickle opcode ${name} at offset 0 wants \\d+ bytes, 3 are left`),
    );
  });

  it('says where it stopped', async () => {
    expect(await faultOf(new Uint8Array())).toMatchObject({
      code: 'truncated',
      message: expect.stringMatching(/^pickle ends at byte 0 inside the stream, before STOP/),
    });
    expect(await faultOf(stream('NONE', 'BININT', u1(1)))).toMatchObject({
      message: expect.stringMatching(/^pickle ends at byte 3 inside BININT at offset 1, before STOP/),
      offset: 1,
    });
  });
});
