import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Verdict, verdictOf } from './fuzz/verdict.ts';
import { checkpointRecords, type MadeOptions, type MadeRecord, madeZip } from './support/made-zip.ts';
import {
  called,
  checkpointPickle,
  global,
  type StreamPart,
  stream,
  string,
} from './support/pickle-stream.ts';

type Word = Verdict['verdict'];

const evil = (before: readonly StreamPart[]) => checkpointPickle([], before);
const calling = (module: string, name: string) => evil([...called(module, name), 'POP']);
const archive = (pickle: Buffer) => madeZip(checkpointRecords(pickle));
const zipped = (records: readonly MadeRecord[], options?: MadeOptions) => madeZip(records, options);
const EVIL = calling('posix', 'system');
const short = (text: string): StreamPart[] => ['SHORT_BINUNICODE', { bytes: [text.length] }, { text }];

/** Tricks that programs which look for hostile pickles have been fooled by, each in its smallest form. */
const TRICKS: readonly (readonly [name: string, bytes: Buffer, verdict: Word])[] = [
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
  ['a name that is no string', archive(evil(['NONE', 'NONE', 'STACK_GLOBAL', 'POP'])), 'danger'],
  ['INST', archive(evil(['MARK', ...string('x'), 'INST', { text: 'os\nsystem\n' }, 'POP'])), 'danger'],
  ['OBJ', archive(evil(['MARK', ...global('os', 'system'), ...string('x'), 'OBJ', 'POP'])), 'danger'],
  ['NEWOBJ', archive(evil([...global('subprocess', 'Popen'), 'EMPTY_TUPLE', 'NEWOBJ', 'POP'])), 'danger'],
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
  ['a file that ends behind the call', EVIL.subarray(0, 30), 'danger'],
  ['a pickle behind STOP', archive(Buffer.concat([checkpointPickle(), EVIL])), 'danger'],
  ['a pickle by itself', EVIL, 'danger'],
  [
    'a record that nothing refers to',
    zipped([...checkpointRecords(), { name: 'archive/x.bin', content: EVIL }]),
    'danger',
  ],
  [
    'two records of one name, the harmless one first',
    zipped([...checkpointRecords(), { name: 'archive/data.pkl', content: EVIL }]),
    'danger',
  ],
  [
    'two records of one name but for case',
    zipped([...checkpointRecords(), { name: 'archive/DATA.PKL', content: EVIL }]),
    'danger',
  ],
  ['a wrong checksum', zipped(checkpointRecords(EVIL).map((each) => ({ ...each, crc32: 7 }))), 'danger'],
  ...[1, 0x20, 0x40, 0x2000].map(
    (flags) =>
      [
        `the flag 0x${flags.toString(16)}`,
        zipped(checkpointRecords(EVIL).map((each) => ({ ...each, flags }))),
        'danger',
      ] as const,
  ),
  [
    'a local header of another name',
    zipped(checkpointRecords(EVIL).map((each, index) => (index ? each : { ...each, localName: 'x' }))),
    'danger',
  ],
  [
    'a record that the directory does not list',
    zipped([...checkpointRecords(), { name: 'archive/x', content: EVIL, hidden: true }]),
    'danger',
  ],
  [
    'such a record, deflated',
    zipped([
      ...checkpointRecords(),
      { name: 'archive/x', content: deflateRawSync(EVIL), method: 8, size: EVIL.length, hidden: true },
    ]),
    'danger',
  ],
  [
    'two bytes behind the end that read like an extension code',
    zipped(checkpointRecords(), { trailer: Buffer.of(130, 128) }),
    'findings',
  ],
  ['a pickle behind the end', zipped(checkpointRecords(), { trailer: EVIL }), 'danger'],
  ['a pickle in the comment', zipped(checkpointRecords(), { comment: EVIL }), 'danger'],
  [
    'a zip behind a pickle',
    Buffer.concat([stream('PROTO', { bytes: [2] }, 'EMPTY_DICT', 'STOP'), archive(EVIL)]),
    'danger',
  ],
  ['an archive in an archive', zipped([{ name: 'model.pth', content: archive(EVIL) }]), 'danger'],
  [
    'records that share bytes',
    zipped([...checkpointRecords(), { name: 'archive/x', content: Buffer.alloc(24, 1), shares: 1 }]),
    'unreadable',
  ],
  ['parts of a set of disks', zipped(checkpointRecords(), { disk: 1 }), 'unreadable'],
  [
    'a record that is a link',
    zipped([
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

describe('tricks', () => {
  it.each(TRICKS)('%s', async (_name, bytes, verdict) => {
    expect((await verdictOf(bytes)).verdict).toBe(verdict);
  });
});

/** The same stream said in another way. */
const REWRITINGS: Readonly<Record<string, (parts: readonly StreamPart[]) => Buffer>> = {
  'something put on the stack and taken away': (parts) =>
    checkpointPickle(
      [],
      parts.flatMap((part): StreamPart[] =>
        isOpcode(part) ? ['NONE' as const, 'POP' as const, part] : [part],
      ),
    ),
  'frames of one opcode': (parts) =>
    checkpointPickle(
      [],
      parts.flatMap((part): StreamPart[] =>
        isOpcode(part) ? ['FRAME' as const, Buffer.alloc(8), part] : [part],
      ),
    ),
  'every value put into the memo, from a high slot on': (parts) =>
    checkpointPickle(
      [],
      parts.flatMap((part, index): StreamPart[] => {
        const slot = Buffer.alloc(4);
        slot.writeUInt32LE(900_000 + index);
        return part === 'TUPLE1' || part === 'REDUCE' ? [part, 'LONG_BINPUT' as const, slot] : [part];
      }),
    ),
};

function isOpcode(part: StreamPart): part is Extract<StreamPart, string> {
  return typeof part === 'string';
}

const line = (text: string): StreamPart[] => ['UNICODE', { text: `${text}\n` }];

const CALLS: Readonly<Record<string, readonly StreamPart[]>> = {
  'os.system': [...called('os', 'system'), 'POP'],
  'eval by STACK_GLOBAL': [
    ...short('builtins'),
    ...short('eval'),
    'STACK_GLOBAL',
    ...string('1'),
    'TUPLE1',
    'REDUCE',
    'POP',
  ],
  'eval by names of protocol 0': [
    ...line('builtins'),
    ...line('eval'),
    'STACK_GLOBAL',
    ...line('1'),
    'TUPLE1',
    'REDUCE',
    'POP',
  ],
  OBJ: ['MARK', ...global('os', 'system'), ...string('x'), 'OBJ', 'POP'],
};

describe.each(Object.entries(CALLS))('%s stays what it is', (_name, parts) => {
  it.each(Object.entries(REWRITINGS))('with %s', async (_how, rewrite) => {
    expect((await verdictOf(archive(rewrite(parts)))).verdict).toBe('danger');
  });

  it.each([
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [1, 0, 2],
  ])('with its records in the order %i %i %i', async (...order) => {
    const records = checkpointRecords(checkpointPickle([], parts));
    expect((await verdictOf(madeZip(order.map((index) => records[index] as MadeRecord)))).verdict).toBe(
      'danger',
    );
  });
});
