import { Op, type OpName } from '../../src/pickle/opcodes.ts';
import type { Random } from './random.ts';

/** What is known of a value on the stack of the generator. */
type Kind = 'mark' | 'any' | 'dict' | 'list' | 'set' | 'global' | 'tuple' | 'text' | 'object';

interface State {
  readonly pieces: Buffer[];
  readonly stack: Kind[];
  memo: Kind[];
}

const NAMES = [
  'collections OrderedDict',
  'torch._utils _rebuild_tensor_v2',
  'torch FloatStorage',
  'torch LongStorage',
  'builtins set',
  'posix system',
  'project.model Net',
  '__builtin__ long',
  'torch._utils _rebuild_parameter',
  'argparse Namespace',
];
const TEXTS = [
  '',
  'w',
  'storage',
  '0',
  'cpu',
  'cuda:0',
  'weight',
  'größe',
  '\u{1f600}',
  'x'.repeat(300),
  '__proto__',
];

/**
 * A pickle by a generator that knows the stack: most streams can be run to their end. Each piece is one opcode with its argument, so that
 * what changes a stream can do it where it hurts.
 */
export function makeStream(random: Random, length = 1 + random.below(60)): Buffer[] {
  const state: State = { pieces: [], stack: [], memo: [] };
  if (random.chance(0.8)) put(state, 'PROTO', Buffer.of(random.below(6)));
  while (state.pieces.length < length) step(state, random);
  while (state.stack.includes('mark')) {
    put(state, 'TUPLE');
    state.stack.splice(state.stack.lastIndexOf('mark'), Number.POSITIVE_INFINITY, 'tuple');
  }
  if (state.stack.length === 0) put(state, 'NONE');
  put(state, 'STOP');
  return state.pieces;
}

function put({ pieces }: State, name: OpName, argument: Uint8Array = Buffer.alloc(0)): void {
  pieces.push(Buffer.concat([Buffer.of(Op[name]), argument]));
}

function step(state: State, random: Random): void {
  const { stack } = state;
  const top = stack.at(-1);
  const under = stack.at(-2);
  const mark = stack.lastIndexOf('mark');
  const above = mark < 0 ? 0 : stack.length - mark - 1;
  const choices: (() => void)[] = [
    () => leaf(state, random),
    () => leaf(state, random),
    () => {
      put(state, 'MARK');
      stack.push('mark');
    },
  ];
  if (top && top !== 'mark') {
    choices.push(() => remember(state, random));
    choices.push(() => {
      put(state, 'TUPLE1');
      stack.splice(-1, 1, 'tuple');
    });
    choices.push(() => {
      put(state, random.chance(0.5) ? 'POP' : 'DUP');
      if (state.pieces.at(-1)?.[0] === Op.POP) stack.pop();
      else stack.push(top);
    });
    choices.push(() => {
      put(state, 'BINPERSID');
      stack.splice(-1, 1, 'any');
    });
  }
  if (state.memo.length > 0) choices.push(() => recall(state, random));
  if (top && top !== 'mark' && under === 'list')
    choices.push(() => {
      put(state, 'APPEND');
      stack.pop();
    });
  if (top === 'tuple' && under === 'global')
    choices.push(() => {
      put(state, random.pick(['REDUCE', 'NEWOBJ'] as const));
      stack.splice(-2, 2, 'object');
    });
  if (top === 'dict' && under === 'tuple' && stack.at(-3) === 'global')
    choices.push(() => {
      put(state, 'NEWOBJ_EX');
      stack.splice(-3, 3, 'object');
    });
  if (top === 'text' && under === 'text')
    choices.push(() => {
      put(state, 'STACK_GLOBAL');
      stack.splice(-2, 2, 'global');
    });
  if (isValue(top) && isValue(under)) {
    choices.push(() => {
      put(state, 'TUPLE2');
      stack.splice(-2, 2, 'tuple');
    });
    const third = stack.at(-3);
    if (isValue(third))
      choices.push(() => {
        put(state, 'TUPLE3');
        stack.splice(-3, 3, 'tuple');
      });
    if ((third === 'dict' || third === 'object') && (under === 'text' || under === 'any'))
      choices.push(() => {
        put(state, 'SETITEM');
        stack.length -= 2;
      });
  }
  if (top === 'dict' && under === 'object')
    choices.push(() => {
      put(state, 'BUILD');
      stack.pop();
    });
  if (mark >= 0) choices.push(() => close(state, random, mark, above));
  random.pick(choices)();
}

const isValue = (kind: Kind | undefined): boolean => kind !== undefined && kind !== 'mark';

/** Takes what stands above the last mark. */
function close(state: State, random: Random, mark: number, above: number): void {
  const { stack } = state;
  const target = stack[mark - 1];
  if (stack[mark + 1] === 'global' && random.chance(0.5)) {
    put(state, 'OBJ');
    stack.splice(mark, above + 1, 'object');
  } else if (random.chance(0.1)) {
    put(state, 'INST', Buffer.from(`${random.pick(NAMES).replace(' ', '\n')}\n`));
    stack.splice(mark, above + 1, 'object');
  } else if (random.chance(0.05)) {
    put(state, 'POP_MARK');
    stack.length = mark;
  } else if (target === 'dict' && above % 2 === 0) {
    put(state, 'SETITEMS');
    stack.length = mark;
  } else if (target === 'list') {
    put(state, 'APPENDS');
    stack.length = mark;
  } else if (target === 'set') {
    put(state, 'ADDITEMS');
    stack.length = mark;
  } else {
    const name = random.pick(['TUPLE', 'LIST', 'FROZENSET', above % 2 === 0 ? 'DICT' : 'TUPLE'] as const);
    put(state, name);
    const kinds = { TUPLE: 'tuple', LIST: 'list', FROZENSET: 'any', DICT: 'dict' } as const;
    stack.splice(mark, above + 1, kinds[name]);
  }
}

function remember(state: State, random: Random): void {
  const slot = state.memo.length;
  const kind = state.stack.at(-1) as Kind;
  if (random.chance(0.3)) put(state, 'MEMOIZE');
  else if (random.chance(0.2)) put(state, 'PUT', Buffer.from(`${slot}\n`));
  else if (slot < 256) put(state, 'BINPUT', Buffer.of(slot));
  else put(state, 'LONG_BINPUT', u4(slot));
  state.memo = [...state.memo, kind];
}

function recall(state: State, random: Random): void {
  const slot = random.below(state.memo.length);
  if (random.chance(0.2)) put(state, 'GET', Buffer.from(`${slot}\n`));
  else if (slot < 256) put(state, 'BINGET', Buffer.of(slot));
  else put(state, 'LONG_BINGET', u4(slot));
  state.stack.push(state.memo[slot] as Kind);
}

function u4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const run = (length: Buffer, content: Buffer): Buffer => Buffer.concat([length, content]);

function leaf(state: State, random: Random): void {
  const text = Buffer.from(random.pick(TEXTS));
  const name = random.pick(NAMES);
  const number = random.pick([0, 1, 6, 255, 65_535, 2 ** 31 - 1]);
  const short = text.subarray(0, 255);
  const eight = Buffer.alloc(8);
  eight.writeUInt32LE(text.length);
  const leaves: readonly (readonly [OpName, Buffer, Kind])[] = [
    ['NONE', Buffer.alloc(0), 'any'],
    ['NEWTRUE', Buffer.alloc(0), 'any'],
    ['NEWFALSE', Buffer.alloc(0), 'any'],
    ['EMPTY_TUPLE', Buffer.alloc(0), 'tuple'],
    ['EMPTY_LIST', Buffer.alloc(0), 'list'],
    ['EMPTY_DICT', Buffer.alloc(0), 'dict'],
    ['EMPTY_DICT', Buffer.alloc(0), 'dict'],
    ['EMPTY_SET', Buffer.alloc(0), 'set'],
    ['BININT1', Buffer.of(number & 255), 'any'],
    ['BININT2', u4(number).subarray(0, 2), 'any'],
    ['BININT', u4(number), 'any'],
    ['INT', Buffer.from(`${number}\n`), 'any'],
    ['INT', Buffer.from('01\n'), 'any'],
    ['LONG', Buffer.from(`${number}L\n`), 'any'],
    ['LONG1', Buffer.from([2, 0xff, 0x7f]), 'any'],
    ['LONG4', run(u4(9), random.bytes(9)), 'any'],
    ['FLOAT', Buffer.from('1.5\n'), 'any'],
    ['BINFLOAT', random.bytes(8), 'any'],
    ['BINUNICODE', run(u4(text.length), text), 'text'],
    ['BINUNICODE', run(u4(text.length), text), 'text'],
    [
      'SHORT_BINUNICODE',
      run(Buffer.of(short.length), short.length === text.length ? short : Buffer.alloc(255)),
      'text',
    ],
    ['BINUNICODE8', run(eight, text), 'text'],
    ['UNICODE', Buffer.from('text\n'), 'text'],
    ['STRING', Buffer.from("'text'\n"), 'text'],
    ['BINSTRING', run(u4(3), Buffer.from('abc')), 'text'],
    ['SHORT_BINSTRING', Buffer.from([3, 97, 98, 99]), 'text'],
    ['BINBYTES', run(u4(4), random.bytes(4)), 'any'],
    ['SHORT_BINBYTES', run(Buffer.of(4), random.bytes(4)), 'any'],
    ['BINBYTES8', run(eight, random.bytes(text.length)), 'any'],
    ['BYTEARRAY8', run(eight, random.bytes(text.length)), 'any'],
    ['GLOBAL', Buffer.from(`${name.replace(' ', '\n')}\n`), 'global'],
    ['GLOBAL', Buffer.from(`${name.replace(' ', '\n')}\n`), 'global'],
    ['FRAME', eight, 'any'],
    ['NEXT_BUFFER', Buffer.alloc(0), 'any'],
    ['PERSID', Buffer.from('storage\n'), 'any'],
    random.pick([
      ['EXT1', Buffer.of(1 + random.below(255)), 'global'],
      ['EXT2', Buffer.of(0, 1), 'global'],
      ['EXT4', u4(65_536), 'global'],
      ['NONE', Buffer.alloc(0), 'any'],
      ['NONE', Buffer.alloc(0), 'any'],
    ] as const),
  ];
  const [opcode, argument, kind] = random.pick(leaves);
  put(state, opcode, argument);
  if (opcode !== 'FRAME') state.stack.push(kind);
}
