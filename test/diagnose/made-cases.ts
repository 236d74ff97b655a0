import { deflateRawSync } from 'node:zlib';
import { PyDict, PyFloat, PyList, PyTuple, type Value } from '../../src/pickle/values.ts';
import { call, dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import { type Make, PLAINLY } from '../support/hostile-tricks.ts';
import { checkpointRecords, type MadeOptions, type MadeRecord, madeZip } from '../support/made-zip.ts';
import {
  called,
  checkpointPickle,
  global,
  type StreamPart,
  stream,
  string,
  tensorOps,
} from '../support/pickle-stream.ts';
import { built, clean, file, network } from './case-builders.ts';
import type { Fixture, RuleCases } from './cases.ts';

const EVIL = checkpointPickle([], called('posix', 'system'));
const HONEST = [
  clean,
  file('clean/state_dict.pth'),
  file('torch-1.13/state_dict.pth'),
  file('legacy/state_dict.pth'),
  file('pickle/state_dict_4.pkl'),
];

const zip = (name: string, records: readonly MadeRecord[], options?: MadeOptions): Fixture => ({
  name,
  bytes: madeZip(records, options),
});
const made = (name: string, make: Make): Fixture => ({ name, bytes: make(PLAINLY), make });
const bytes = (name: string, content: Uint8Array): Fixture => ({ name, bytes: content });
const pickled = (name: string, ...more: StreamPart[]): Fixture =>
  zip(name, checkpointRecords(checkpointPickle(more)));
const extra = (name: string | Buffer, more: Partial<MadeRecord> = {}, pickle?: Buffer): MadeRecord[] => [
  ...checkpointRecords(pickle),
  { name: typeof name === 'string' ? `archive/${name}` : name, content: Buffer.from('text'), ...more },
];
const hidden = (content: Uint8Array, more: Partial<MadeRecord> = {}): MadeRecord[] => {
  const [first, ...others] = checkpointRecords() as [MadeRecord, ...MadeRecord[]];
  return [first, { name: 'archive/data.pkl', content, hidden: true, ...more }, ...others];
};
const plain = zip('an archive of another tool', checkpointRecords());

/** A list of tuples, each of which holds the one before it twice. */
function doubled(times: number): Value {
  let value: Value = new PyList(['lol', 'lol']);
  for (let step = 0; step < times; step++) value = new PyTuple([value, value]);
  return value;
}

function nested(depth: number): Value {
  let value: Value = new PyTuple([1]);
  for (let step = 1; step < depth; step++) value = new PyTuple([value]);
  return value;
}

function selfish(): Value {
  const list = new PyList([1]);
  list.items.push(dict({ back: list }));
  return dict({ w: tensor(), list });
}

/** An object of a class that knows its parent, as modules do. */
function family(): Value {
  const child = call('project.Module');
  const parent = call('project.Module');
  child.effects = [{ op: 'build', state: dict({ parent }) }];
  parent.effects = [{ op: 'build', state: dict({ child }) }];
  return dict({ w: tensor(), parent });
}

const secondInComment: Make = ({ say, zip: make }) => {
  const records = checkpointRecords(say(checkpointPickle()));
  return make(records, {
    comment: make(checkpointRecords(say(EVIL)), { start: make(records).length }),
  });
};
/** An archive with a record more, whose name leads out of the folder. */
const escaping = (name: string, record: string): Fixture =>
  made(name, ({ say, zip: make }) => make(extra(record, {}, say(checkpointPickle()))));
const stackedPickles = stream('PROTO', { bytes: [2] }, 'EMPTY_DICT', 'STOP');
/** A pickle that stands alone, so that no storage is missed. */
const lonely = stream('PROTO', { bytes: [2] }, 'EMPTY_DICT', ...string('a'), 'NONE', 'SETITEM', 'STOP');
const sparse = (index: number): Fixture => {
  const indices = Buffer.alloc(16);
  indices.writeBigInt64LE(BigInt(index), 8);
  const pickle = stream(
    'PROTO',
    { bytes: [2] },
    'EMPTY_DICT',
    'MARK',
    ...string('s'),
    ...global('torch._utils', '_rebuild_sparse_tensor'),
    'MARK',
    ...global('torch.serialization', '_get_layout'),
    ...string('torch.sparse_coo'),
    'TUPLE1',
    'REDUCE',
    'MARK',
    ...longTensor(),
    ...tensorOps('1', 2),
    'BININT1',
    { bytes: [2] },
    'TUPLE1',
    'NEWFALSE',
    'TUPLE',
    'TUPLE',
    'REDUCE',
    'SETITEMS',
    'STOP',
  );
  return zip(`index ${index} of 2`, [
    { name: 'archive/data.pkl', content: pickle },
    { name: 'archive/data/0', content: indices },
    { name: 'archive/data/1', content: Buffer.alloc(8) },
    { name: 'archive/version', content: Buffer.from('3\n') },
  ]);
};

/** Two indices, in one dimension. */
function longTensor(): StreamPart[] {
  return [
    ...global('torch._utils', '_rebuild_tensor_v2'),
    'MARK',
    'MARK',
    ...string('storage'),
    ...global('torch', 'LongStorage'),
    ...string('0'),
    ...string('cpu'),
    'BININT1',
    { bytes: [2] },
    'TUPLE',
    'BINPERSID',
    'BININT1',
    { bytes: [0] },
    'BININT1',
    { bytes: [1] },
    'BININT1',
    { bytes: [2] },
    'TUPLE2',
    'BININT1',
    { bytes: [2] },
    'BININT1',
    { bytes: [1] },
    'TUPLE2',
    'NEWFALSE',
    ...global('collections', 'OrderedDict'),
    'EMPTY_TUPLE',
    'REDUCE',
    'TUPLE',
    'REDUCE',
  ];
}

/** Files that no honest program makes, byte by byte: each trick in its smallest form. */
export const MADE_CASES: Readonly<Record<string, RuleCases>> = {
  'safety/second-archive': {
    triggers: [
      made('a second archive in the comment', secondInComment),
      made('a zip behind a pickle', ({ say, zip: make }) =>
        Buffer.concat([say(stackedPickles), make(checkpointRecords(say(checkpointPickle())))]),
      ),
    ],
    quiet: [
      ...HONEST,
      plain,
      zip('a comment that is text', checkpointRecords(), { comment: Buffer.from('a comment') }),
    ],
  },
  'safety/record-path': {
    triggers: [
      escaping('two dots', '../../etc/passwd'),
      escaping('two dots behind backslashes', '..\\..\\evil'),
      escaping('a drive', 'C:\\evil'),
    ],
    quiet: [...HONEST, plain, zip('dots in a name', extra('extra/a..b'))],
  },
  'zip/unclaimed-bytes': {
    triggers: [
      zip('a record that the directory does not list', hidden(Buffer.from('text'))),
      zip('bytes behind the end', checkpointRecords(), { trailer: Buffer.alloc(100, 7) }),
      zip('bytes before the directory', checkpointRecords(), { gap: Buffer.alloc(40, 7) }),
    ],
    quiet: [
      ...HONEST,
      plain,
      zip('padding', checkpointRecords(), { gap: Buffer.alloc(64) }),
      zip('a comment', checkpointRecords(), { comment: Buffer.from('by hand') }),
    ],
  },
  'zip/overlap': {
    triggers: [
      zip('two entries for one record', [
        ...checkpointRecords(),
        { name: 'archive/data/0', content: Buffer.alloc(24, 1), shares: 1 },
      ]),
    ],
    quiet: [...HONEST, plain],
  },
  'zip/record-name': {
    triggers: [
      zip('a dot for a folder', extra('./x')),
      zip('two slashes', extra('data//9')),
      zip('a backslash', extra('data\\9')),
      zip('a line break', extra('a\nb')),
      zip('no UTF-8', extra(Buffer.from('archive/\xff\xfe', 'latin1'))),
      zip('a device of Windows', extra('con.txt/AUX')),
      zip('a long name', extra('x'.repeat(300))),
    ],
    quiet: [
      ...HONEST,
      plain,
      zip('a folder of its own', extra('extra/')),
      zip('letters that are not English', extra('größe')),
    ],
  },
  'zip/special-entry': {
    triggers: [
      zip('a symbolic link', extra('link', { mode: 0o120777 })),
      zip('a device', extra('device', { mode: 0o60666 })),
    ],
    quiet: [...HONEST, plain, zip('the mode of a file', extra('file', { mode: 0o100644 }))],
  },
  'pickle/cycle': {
    triggers: [built('a list in a dict in itself', selfish)],
    quiet: [...HONEST, built('objects that know their parent', family)],
  },
  'pickle/deep-nesting': {
    triggers: [built('a tuple 2000 deep', () => dict({ w: tensor(), deep: nested(2000) }))],
    quiet: [...HONEST, built('a tuple 500 deep', () => dict({ w: tensor(), deep: nested(500) }))],
  },
  'pickle/expansion': {
    triggers: [built('forty doublings', () => dict({ w: tensor(), bomb: doubled(40) }))],
    quiet: [...HONEST, built('ten doublings', () => dict({ w: tensor(), shared: doubled(10) }))],
  },
  'pickle/duplicate-key': {
    triggers: [
      pickled('one name twice', ...string('w'), ...tensorOps()),
      built('1, True and 1.0', () => new PyDict([1, true, new PyFloat(1)], ['a', 'b', 'c'])),
    ],
    quiet: [...HONEST, built('a number and its text', () => new PyDict([1, '1'], ['a', 'b']))],
  },
  'keys/unseen-characters': {
    triggers: [
      ...['\u001b[31mred', 'a\nb', 'a\u202eb', 'weight\u200b'].map((key) =>
        built(JSON.stringify(key), () => dict({ [key]: tensor() })),
      ),
    ],
    quiet: [
      ...HONEST,
      built('a vocabulary of characters', () =>
        dict({ w: tensor(), vocabulary: dict({ '\n': 0, '\t': 1 }) }),
      ),
      built('names in other letters', () => dict({ größe: tensor(), 層: tensor() })),
    ],
  },
  'keys/mixed-types': {
    triggers: [
      built('numbers and names', () => new PyDict(['a', 1], [tensor(), tensor()])),
      built('None', () => new PyDict([null], [tensor()])),
    ],
    quiet: [
      ...HONEST,
      built('features by number', () => new PyDict([1, 2], [tensor(), tensor()])),
      built('a table without tensors', () => new PyDict(['a', 1, null], [1, 2, 3])),
      built('a model', () => orderedDict(network())),
    ],
  },
  'tensor/sparse-indices': {
    crc: true,
    triggers: [sparse(999), sparse(-1), sparse(2)],
    quiet: [...HONEST, sparse(1)],
  },
  'limit/exhausted': {
    triggers: [
      zip('opcodes without end, deflated', [
        {
          name: 'archive/data.pkl',
          content: deflateRawSync(Buffer.alloc(34_000_000, stream('NONE', 'POP'))),
          method: 8,
          size: 34_000_000,
        },
        { name: 'archive/version', content: Buffer.from('3\n') },
      ]),
    ],
    quiet: [...HONEST, bytes('a small pickle', lonely)],
  },
  'limit/unsearched': {
    triggers: [
      zip('a deflated record that is too long', [
        ...checkpointRecords(),
        {
          name: 'archive/extra',
          content: deflateRawSync(Buffer.alloc(17_000_000)),
          method: 8,
          size: 17_000_000,
        },
      ]),
      zip('deflated records that are too long together', [
        ...checkpointRecords(),
        ...Array.from({ length: 5 }, (_, index) => ({
          name: `archive/extra/${index}`,
          content: deflateRawSync(Buffer.alloc(14_000_000)),
          method: 8,
          size: 14_000_000,
        })),
      ]),
    ],
    quiet: [...HONEST, plain, zip('a record that nothing refers to', extra('extra'))],
  },
};
