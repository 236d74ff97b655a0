import { deflateRawSync } from 'node:zlib';
import type { Verdict } from '../fuzz/verdict.ts';
import { checkpointRecords, type MadeOptions, type MadeRecord, madeZip } from './made-zip.ts';
import { called, checkpointPickle, global, type StreamPart, stream, string } from './pickle-stream.ts';

/** How the files of the tricks are made: the same file can be said in other opcodes, or with its records in another order. */
export interface Making {
  /** The bytes of a pickle that stands in the file. */
  say(pickle: Buffer): Buffer;
  zip(records: readonly MadeRecord[], options?: MadeOptions): Buffer;
}

export type Make = (making: Making) => Buffer;

export const PLAINLY: Making = { say: (pickle) => pickle, zip: madeZip };

const evil = (before: readonly StreamPart[]) => checkpointPickle([], before);
const calling = (module: string, name: string) => evil([...called(module, name), 'POP']);
const EVIL = calling('posix', 'system');
const short = (text: string): StreamPart[] => ['SHORT_BINUNICODE', { bytes: [text.length] }, { text }];
const line = (text: string): StreamPart[] => ['UNICODE', { text: `${text}\n` }];

/** An archive of torch with this pickle. */
export const archive =
  (pickle: Buffer): Make =>
  ({ say, zip }) =>
    zip(checkpointRecords(say(pickle)));
/** An archive of torch with a record more. */
const beside =
  (record: (evil: Buffer) => MadeRecord): Make =>
  ({ say, zip }) =>
    zip([...checkpointRecords(), record(say(EVIL))]);
/** An archive of torch with the evil pickle, whose records are changed. */
const changed =
  (change: (record: MadeRecord, index: number) => MadeRecord): Make =>
  ({ say, zip }) =>
    zip(checkpointRecords(say(EVIL)).map(change));

/** What torch wrote before 1.6: five pickles and the bytes of a storage. */
const legacy =
  (pickle: Buffer, behind: Buffer): Make =>
  ({ say }) => {
    const pickles = [
      stream('PROTO', { bytes: [2] }, 'LONG1', Buffer.from('0a6cfc9c46f9206aa85019', 'hex'), 'STOP'),
      stream('PROTO', { bytes: [2] }, 'BININT2', { bytes: [0xe9, 3] }, 'STOP'),
      stream('PROTO', { bytes: [2] }, 'EMPTY_DICT', 'STOP'),
      pickle,
      stream('PROTO', { bytes: [2] }, 'EMPTY_LIST', ...string('0'), 'APPEND', 'STOP'),
    ];
    const storage = Buffer.alloc(32, 1);
    storage.writeBigUInt64LE(6n);
    return Buffer.concat([...pickles.map(say), storage, behind.length > 0 ? say(behind) : behind]);
  };

/** Tricks that programs which look for hostile pickles have been fooled by, each in its smallest form. */
export const TRICKS: readonly (readonly [name: string, make: Make, verdict: Verdict['verdict']])[] = [
  ['a call of a shell', archive(EVIL), 'danger'],
  ['a name of Python 2', archive(calling('__builtin__', 'execfile')), 'danger'],
  ['a module nobody has heard of', archive(calling('_aix_support', '_read_cmd_output')), 'danger'],
  ['a resolver of names', archive(calling('pkgutil', 'resolve_name')), 'danger'],
  ['a name that is only imported', archive(evil([...global('os', 'system'), 'POP'])), 'danger'],
  ['a dotted name', archive(evil([...global('torch', 'serialization.os.system'), 'POP'])), 'danger'],
  [
    'a name from the stack',
    archive(
      evil([...short('os'), ...short('system'), 'STACK_GLOBAL', ...string('x'), 'TUPLE1', 'REDUCE', 'POP']),
    ),
    'danger',
  ],
  [
    'a name from the stack, in the opcodes of protocol 0',
    archive(
      evil([...line('builtins'), ...line('eval'), 'STACK_GLOBAL', ...line('1'), 'TUPLE1', 'REDUCE', 'POP']),
    ),
    'danger',
  ],
  [
    'a name from the memo, put there before what stood on top was taken away',
    archive(
      evil([
        ...short('os'),
        'MEMOIZE',
        ...short('decoy'),
        'POP',
        'POP',
        'BINGET',
        { bytes: [0] },
        ...short('system'),
        'STACK_GLOBAL',
        'POP',
      ]),
    ),
    'danger',
  ],
  [
    'a call of what the memo holds, under a number that was given twice',
    archive(
      evil([
        ...global('collections', 'OrderedDict'),
        'BINPUT',
        { bytes: [3] },
        ...global('os', 'system'),
        'PUT',
        { text: '3\n' },
        'POP',
        'POP',
        'LONG_BINGET',
        { bytes: [3, 0, 0, 0] },
        ...string('x'),
        'TUPLE1',
        'REDUCE',
        'POP',
      ]),
    ),
    'danger',
  ],
  ['a name that is no string', archive(evil(['NONE', 'NONE', 'STACK_GLOBAL', 'POP'])), 'danger'],
  ['INST', archive(evil(['MARK', ...string('x'), 'INST', { text: 'os\nsystem\n' }, 'POP'])), 'danger'],
  ['OBJ', archive(evil(['MARK', ...global('os', 'system'), ...string('x'), 'OBJ', 'POP'])), 'danger'],
  ['NEWOBJ', archive(evil([...global('subprocess', 'Popen'), 'EMPTY_TUPLE', 'NEWOBJ', 'POP'])), 'danger'],
  [
    'NEWOBJ_EX',
    archive(evil([...global('subprocess', 'Popen'), 'EMPTY_TUPLE', 'EMPTY_DICT', 'NEWOBJ_EX', 'POP'])),
    'danger',
  ],
  ['an extension code', archive(evil(['EXT1', { bytes: [1] }, 'POP'])), 'danger'],
  [
    'attributes of a function',
    archive(evil([...global('numpy', 'prod'), 'EMPTY_DICT', 'BUILD', 'POP'])),
    'danger',
  ],
  [
    'a stream that breaks behind the call',
    archive(Buffer.concat([EVIL.subarray(0, 40), Buffer.of(0xfe)])),
    'danger',
  ],
  ['a file that ends behind the call', ({ say }) => say(EVIL.subarray(0, 30)), 'danger'],
  ['a pickle behind STOP', archive(Buffer.concat([checkpointPickle(), EVIL])), 'danger'],
  ['a pickle by itself', ({ say }) => say(EVIL), 'danger'],
  ['a record that nothing refers to', beside((content) => ({ name: 'archive/x.bin', content })), 'danger'],
  [
    'two records of one name, the harmless one first',
    beside((content) => ({ name: 'archive/data.pkl', content })),
    'danger',
  ],
  [
    'two records of one name but for case',
    beside((content) => ({ name: 'archive/DATA.PKL', content })),
    'danger',
  ],
  ['a wrong checksum', changed((each) => ({ ...each, crc32: 7 })), 'danger'],
  ...[1, 0x20, 0x40, 0x2000].map(
    (flags) =>
      [`the flag 0x${flags.toString(16)}`, changed((each) => ({ ...each, flags })), 'danger'] as const,
  ),
  [
    'a local header of another name',
    changed((each, index) => (index ? each : { ...each, localName: 'x' })),
    'danger',
  ],
  [
    'a record that the directory does not list',
    beside((content) => ({ name: 'archive/x', content, hidden: true })),
    'danger',
  ],
  [
    'such a record, deflated',
    beside((content) => ({
      name: 'archive/x',
      content: deflateRawSync(content),
      method: 8,
      size: content.length,
      hidden: true,
    })),
    'danger',
  ],
  [
    'two bytes behind the end that read like an extension code',
    ({ zip }) => zip(checkpointRecords(), { trailer: Buffer.of(130, 128) }),
    'findings',
  ],
  ['a pickle behind the end', ({ say, zip }) => zip(checkpointRecords(), { trailer: say(EVIL) }), 'danger'],
  ['a pickle in the comment', ({ say, zip }) => zip(checkpointRecords(), { comment: say(EVIL) }), 'danger'],
  [
    'a zip behind a pickle',
    (making) =>
      Buffer.concat([
        making.say(stream('PROTO', { bytes: [2] }, 'EMPTY_DICT', 'STOP')),
        archive(EVIL)(making),
      ]),
    'danger',
  ],
  [
    'an archive in an archive',
    (making) => making.zip([{ name: 'model.pth', content: archive(EVIL)(making) }]),
    'danger',
  ],
  ['a legacy stream', legacy(EVIL, Buffer.alloc(0)), 'danger'],
  ['a sixth pickle behind a legacy stream', legacy(checkpointPickle(), EVIL), 'danger'],
  [
    'an escape from the folder',
    ({ zip }) => zip([...checkpointRecords(), { name: 'archive/../../evil', content: Buffer.from('text') }]),
    'danger',
  ],
  [
    'records that share bytes',
    ({ zip }) =>
      zip([...checkpointRecords(), { name: 'archive/x', content: Buffer.alloc(24, 1), shares: 1 }]),
    'unreadable',
  ],
  ['parts of a set of disks', ({ zip }) => zip(checkpointRecords(), { disk: 1 }), 'unreadable'],
  [
    'a record that is a link',
    ({ zip }) =>
      zip([
        ...checkpointRecords(),
        { name: 'archive/x', content: Buffer.from('/etc/passwd'), mode: 0o120777 },
      ]),
    'findings',
  ],
  [
    'a hundred thousand marks',
    archive(evil(Array.from({ length: 100_000 }, () => 'MARK' as const))),
    'findings',
  ],
  ['nothing but a checkpoint', archive(checkpointPickle()), 'clean'],
];
