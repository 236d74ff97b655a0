import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { RefusedError } from '../../src/io/errors.ts';
import { encodePickle } from '../../src/pickle/encoder.ts';
import { OPCODES, Op } from '../../src/pickle/opcodes.ts';
import {
  EMPTY_TUPLE,
  PyBuffer,
  PyBytes,
  PyDict,
  PyExtension,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyText,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';
import { show } from './show.ts';
import { decode, decodedValue, encode, f8, i4, type Piece, stream, text, u1, u2, u4 } from './stream.ts';

const NAME = new PyGlobal('mod', 'name');
const NAMED: Piece[] = ['GLOBAL', text('mod\nname\n'), 'BINPUT', u1(0)];

/** What is said in which opcodes, without PROTO and STOP. */
const FORMS: readonly (readonly [string, Value, readonly Piece[]])[] = [
  ['None', null, ['NONE']],
  ['True', true, ['NEWTRUE']],
  ['False', false, ['NEWFALSE']],
  ['a byte', 255, ['BININT1', u1(255)]],
  ['two bytes', 256, ['BININT2', u2(256)]],
  ['four bytes', 65536, ['BININT', i4(65536)]],
  ['a negative', -1, ['BININT', i4(-1)]],
  ['more than four bytes', 2 ** 31, ['LONG1', u1(5), u4(2 ** 31), u1(0)]],
  ['a float', new PyFloat(-0), ['BINFLOAT', f8(-0)]],
  ['a str', 'aé', ['BINUNICODE', u4(3), Buffer.from('aé'), 'BINPUT', u1(0)]],
  ['a global', NAME, NAMED],
  ['the empty tuple', EMPTY_TUPLE, ['EMPTY_TUPLE']],
  ['another empty tuple', new PyTuple([]), ['EMPTY_TUPLE']],
  ['a tuple of one', new PyTuple([1]), ['BININT1', u1(1), 'TUPLE1', 'BINPUT', u1(0)]],
  ['a tuple of two', new PyTuple([null, null]), ['NONE', 'NONE', 'TUPLE2', 'BINPUT', u1(0)]],
  ['a tuple of three', new PyTuple([null, null, null]), ['NONE', 'NONE', 'NONE', 'TUPLE3', 'BINPUT', u1(0)]],
  [
    'a tuple of four',
    new PyTuple([null, null, null, null]),
    ['MARK', 'NONE', 'NONE', 'NONE', 'NONE', 'TUPLE', 'BINPUT', u1(0)],
  ],
  ['a persistent id', new PyPersistent(7), ['BININT1', u1(7), 'BINPERSID']],
  ['a call', new PyObject('reduce', NAME, EMPTY_TUPLE), [...NAMED, 'EMPTY_TUPLE', 'REDUCE', 'BINPUT', u1(1)]],
  [
    'a new object',
    new PyObject('newobj', NAME, EMPTY_TUPLE),
    [...NAMED, 'EMPTY_TUPLE', 'NEWOBJ', 'BINPUT', u1(1)],
  ],
];

describe('encodePickle', () => {
  it.each(FORMS)('says %s', async (_what, value, pieces) => {
    expect(await encode(value)).toEqual(stream('PROTO', u1(2), ...pieces, 'STOP'));
  });

  it('tells its length', async () => {
    const encoded = encodePickle(new PyList(['a'.repeat(100_000), 1]));
    expect(encoded.length).toBe(encoded.content.reduce((sum, { length }) => sum + length, 0));
  });

  it('numbers the memo beyond a byte', async () => {
    const list = new PyList();
    const many = new PyList([...Array.from({ length: 300 }, () => new PyList()), list, list]);
    const bytes = await encode(many);
    const { opcodes } = await decode(bytes);
    expect([opcodes[Op.BINPUT], opcodes[Op.LONG_BINPUT], opcodes[Op.LONG_BINGET]]).toEqual([256, 46, 1]);
    expect(show(await decodedValue(bytes))).toBe(show(many));
  });

  it('leaves long text where it is', async () => {
    const source = new MemorySource(Buffer.from(`xx${'long '.repeat(10)}`));
    const { content, length } = encodePickle(new PyList([new PyText({ source, offset: 2, length: 50 }), 1]));
    expect(content.filter((segment) => 'source' in segment)).toEqual([{ source, offset: 2, length: 50 }]);
    const bytes = await encode(new PyList([new PyText({ source, offset: 2, length: 50 }), 1]));
    expect(bytes).toHaveLength(length);
    expect(show(await decodedValue(bytes))).toBe(`["${'long '.repeat(10)}", 1]`);
  });

  it('writes another id for a persistent node when told so', async () => {
    const bytes = await encode(new PyList([new PyPersistent('a'), new PyPersistent('b')]), {
      persistentId: (node) => `new ${node.id}`,
    });
    expect((await decode(bytes)).persistents.map(({ id }) => id)).toEqual(['new a', 'new b']);
  });

  it.each([
    ['an extension code', new PyExtension(5), 'extension code 5'],
    ['an out-of-band buffer', new PyBuffer(3, false), 'out-of-band buffer 3'],
    [
      'a str of 4 GiB',
      new PyText({ source: new MemorySource(new Uint8Array()), offset: 0, length: 2 ** 32 }),
      'longer than protocol 2 can say',
    ],
    [
      'bytes that were not loaded',
      new PyBytes('bytes', { source: new MemorySource(new Uint8Array()), offset: 0, length: 9 }),
      'bytes of 9 bytes stand inside the pickle',
    ],
    ['items added to an object', withEffect({ op: 'add', items: [1] }), 'ADDITEMS'],
  ])('refuses %s', (_what, value, words) => {
    const attempt = () => encodePickle(new PyList([value]));
    expect(attempt).toThrow(RefusedError);
    expect(attempt).toThrow(words);
  });
});

function withEffect(effect: NonNullable<PyObject['effects']>[number]): PyObject {
  const object = new PyObject('reduce', NAME, EMPTY_TUPLE);
  object.effects = [effect];
  return object;
}

/** sha256 of `{i: -i}`, of the OrderedDict of that, and of `list(range(n))`, all of n items, as CPython pickles them. */
const BATCHES: [number, string, string, string][] = JSON.parse(
  readFileSync('test/pickle/cpython.json', 'utf8'),
).batches;

describe('batches of items', () => {
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex').slice(0, 32);

  it.each(BATCHES)('%i items have the bytes that CPython gives them', async (count, dict, ordered, list) => {
    const keys = Array.from({ length: count }, (_, i) => i);
    const values = keys.map((i) => (i === 0 ? 0 : -i));
    const made = new PyObject('reduce', new PyGlobal('collections', 'OrderedDict'), EMPTY_TUPLE);
    if (count > 0) made.effects = [{ op: 'set', keys, values }];
    expect(hash(await encode(new PyDict(keys, values)))).toBe(dict);
    expect(hash(await encode(made))).toBe(ordered);
    expect(hash(await encode(new PyList(keys)))).toBe(list);
  });
});

const PARTIAL = 'reduce <functools.partial>';

describe('what protocol 2 has no opcodes for', () => {
  it.each([
    ['bytes', new PyBytes('bytes', Buffer.of(0x61, 0xff)), 'reduce <_codecs.encode> ("aÿ", "latin1")'],
    ['a Python-2 str', new PyBytes('str2', Buffer.of(0xff)), 'reduce <_codecs.encode> ("ÿ", "latin1")'],
    ['no bytes', new PyBytes('bytes', new Uint8Array()), 'reduce <_codecs.encode> ("", "latin1")'],
    [
      'a bytearray',
      new PyBytes('bytearray', Buffer.of(0x80)),
      'reduce <__builtin__.bytearray> ("\u0080", "latin-1")',
    ],
    ['a set', new PySet(false, [1, 2]), 'reduce <__builtin__.set> ([1, 2])'],
    ['a frozenset', new PySet(true, [1]), 'reduce <__builtin__.frozenset> ([1])'],
    [
      'NEWOBJ_EX without keywords',
      new PyObject('newobj-ex', NAME, new PyTuple([1]), 0, new PyDict()),
      'newobj <mod.name> (1)',
    ],
    ['INST of a class without arguments', new PyObject('inst', NAME, EMPTY_TUPLE), 'newobj <mod.name> ()'],
    ['INST with arguments', new PyObject('inst', NAME, new PyTuple([1])), 'reduce <mod.name> (1)'],
  ])('%s is a call', async (_what, value, expected) => {
    expect(show(await decodedValue(await encode(value)))).toBe(expected);
  });

  it('NEWOBJ_EX with keywords is the call of a partial', async () => {
    const object = new PyObject('newobj-ex', NAME, new PyTuple([1]), 0, new PyDict(['k'], [2]));
    object.effects = [{ op: 'build', state: 3 }];
    const construct = '&1 reduce <__builtin__.getattr> (<mod.name>, "__new__")';
    expect(show(await decodedValue(await encode(object)))).toBe(
      `reduce ${PARTIAL} (${construct}) build (*1, (<mod.name>, 1), {"k": 2}, null) () build 3`,
    );
  });

  it('keeps what happens to an object after it is built', async () => {
    const object = new PyObject('inst', NAME, EMPTY_TUPLE);
    object.effects = [
      { op: 'set', keys: ['a'], values: [1] },
      { op: 'append', items: [2] },
    ];
    expect(show(await decodedValue(await encode(object)))).toBe(
      'newobj <mod.name> () set {"a": 1} append [2]',
    );
  });

  it('calls by names that the graph has already', async () => {
    const known = new PyGlobal('__builtin__', 'set');
    const value = new PyList([known, new PySet(false), new PySet(false, [1])]);
    const { globals, opcodes } = await decode(
      await encode(value, { globals: new Map([['__builtin__.set', known]]) }),
    );
    expect(globals).toHaveLength(1);
    expect(opcodes[Op.GLOBAL]).toBe(1);
  });

  it('writes a set that stands twice once', async () => {
    const set = new PySet(false, [1]);
    expect(show(await decodedValue(await encode(new PyTuple([set, set]))))).toBe(
      '(&1 reduce <__builtin__.set> ([1]), *1)',
    );
  });
});

describe('opcodes that weights_only takes', () => {
  const TAKEN = new Set(
    'PROTO GLOBAL NEWOBJ REDUCE BUILD APPEND APPENDS SETITEM SETITEMS MARK TUPLE TUPLE1 TUPLE2 TUPLE3 NONE NEWFALSE NEWTRUE EMPTY_TUPLE EMPTY_LIST EMPTY_DICT BININT BININT1 BININT2 BINFLOAT BINUNICODE LONG1 BINGET LONG_BINGET BINPUT LONG_BINPUT BINPERSID STOP'.split(
      ' ',
    ),
  );
  it.each([3, 4, 5])(
    'are all that is left of a stream of protocol %i without tuples that hold themselves',
    async (protocol) => {
      const streams: string[] = JSON.parse(readFileSync('test/pickle/cpython.json', 'utf8')).streams;
      const value = (await decodedValue(Buffer.from(streams[protocol] as string, 'base64'))) as PyDict;
      const index = value.keys.indexOf('tuplecycle');
      value.keys.splice(index, 1);
      value.values.splice(index, 1);
      const { opcodes } = await decode(await encode(value));
      const used = OPCODES.flatMap((opcode) => (opcode && opcodes[opcode.code] ? [opcode.name] : []));
      // the one integer of more than 255 bytes has no other form
      expect(used.filter((name) => !TAKEN.has(name))).toEqual(['LONG4']);
    },
  );
});
