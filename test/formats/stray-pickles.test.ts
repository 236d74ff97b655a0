import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { diagnose, diagnoseFailure } from '../../src/diagnose/engine.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { readTarDirectory } from '../../src/formats/tar-directory.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { UnreadableError } from '../../src/io/errors.ts';
import { verdictOf } from '../fuzz/verdict.ts';
import { checkpointRecords, madeZip } from '../support/made-zip.ts';
import { called, checkpointPickle, type StreamPart, stream, string } from '../support/pickle-stream.ts';
import { type Records, recordsOf, zipped } from '../support/rezip.ts';
import { tarOf } from '../support/tar.ts';

const EVIL = stream('PROTO', { bytes: [2] }, ...called('posix', 'system'), 'STOP');
/** Leaves what follows as it was. */
const EVIL_FIRST = checkpointPickle([], [...called('posix', 'system'), 'POP']);
const EVIL_ARCHIVE = madeZip(checkpointRecords(EVIL_FIRST));
const CLEAN_ARCHIVE = madeZip(checkpointRecords());

type Change = (records: Records) => void;
const adding =
  (name: string, content: Uint8Array = EVIL): Change =>
  (records) =>
    records.set(name, content);
const behind =
  (name: string): Change =>
  (records) =>
    records.set(name, Buffer.concat([Buffer.from(records.get(name) as Uint8Array), EVIL]));

const SCRIPT = 'fixtures/containers/traced.pt';
const PACKAGE = 'fixtures/containers/package.pt';
const OLD_EXPORT = 'fixtures/containers/exported_2_5.pt2';
const EXPORT = 'fixtures/containers/exported.pt2';

/** Archives of torch, each with a pickle that calls a shell at a place where its own reader, or another, would run it. */
const ARCHIVES: readonly (readonly [file: string, where: string, change: Change])[] = [
  [SCRIPT, 'its constants', adding('traced/constants.pkl')],
  [SCRIPT, 'an extra file', adding('traced/extra/x.pkl')],
  [SCRIPT, 'a record with the name of a text', adding('traced/code/x.py')],
  [SCRIPT, 'bytes behind its pickle', behind('traced/data.pkl')],
  [SCRIPT, 'an archive in it', adding('traced/extra/model.pth', EVIL_ARCHIVE)],
  [PACKAGE, 'a second pickle', adding('package/other/other.pkl')],
  [PACKAGE, 'a pickle among its own records', adding('package/.data/other.pkl')],
  [PACKAGE, 'bytes behind its pickle', behind('package/model/model.pkl')],
  [OLD_EXPORT, 'its state_dict', adding('serialized_state_dict.pt', EVIL_ARCHIVE)],
  [OLD_EXPORT, 'its example inputs', adding('serialized_example_inputs.pt', EVIL_ARCHIVE)],
  [OLD_EXPORT, 'an extra file', adding('extra/x')],
  [EXPORT, 'its sample inputs', adding('exported/data/sample_inputs/model.pt', EVIL_ARCHIVE)],
  [EXPORT, 'an extra file', adding('exported/extra/x')],
];

describe('a hostile pickle in an archive', async () => {
  it.each(ARCHIVES)('%s: in %s', async (file, _where, change) => {
    const records = await recordsOf(file);
    const before = await verdictOf(await bytesOf(records));
    expect(before.verdict).not.toBe('danger');
    change(records);
    expect((await verdictOf(await bytesOf(records))).verdict).toBe('danger');
  });

  const parts = (policy: Uint8Array, more: Records = new Map()): Records =>
    new Map([
      ['data', '{}'],
      ['policy.pth', policy],
      ['_stable_baselines3_version', '2.0'],
      ...more,
    ] as const);

  it.each([
    ['stable-baselines3: in its policy', parts(EVIL_ARCHIVE)],
    ['stable-baselines3: in another file', parts(CLEAN_ARCHIVE, new Map([['x.dat', EVIL]]))],
    ['an archive around one file: in that file', new Map([['model.pth', EVIL_ARCHIVE]])],
    [
      'an archive around one file: beside it',
      new Map([
        ['model.pth', CLEAN_ARCHIVE],
        ['x.dat', EVIL],
      ]),
    ],
    [
      'torch.save: in an archive among its records',
      new Map([...(await recordsOf('fixtures/clean/state_dict.pth')), ['state_dict/x.bin', EVIL_ARCHIVE]]),
    ],
    [
      'torch.save: in an archive in an archive among its records',
      new Map([
        ...(await recordsOf('fixtures/clean/state_dict.pth')),
        ['state_dict/x.bin', madeZip([{ name: 'y/z.bin', content: EVIL_ARCHIVE }])],
      ]),
    ],
  ])('%s', async (_name, records) => {
    expect((await verdictOf(await bytesOf(records))).verdict).toBe('danger');
  });

  it('stable-baselines3 and one file, both harmless', async () => {
    for (const records of [parts(CLEAN_ARCHIVE), new Map([['model.pth', CLEAN_ARCHIVE]])])
      expect((await verdictOf(await bytesOf(records))).verdict).not.toBe('danger');
  });
});

describe('a hostile pickle behind what no reader comes to the end of', () => {
  const deflated = (name: string, content: Buffer) => ({
    name,
    content: deflateRawSync(content),
    method: 8,
    size: content.length,
  });
  /** Ends behind more opcodes than a deflated record may have. */
  const flood = Buffer.concat([
    stream('PROTO', { bytes: [2] }),
    Buffer.alloc(16_600_000, stream('NONE', 'POP')),
    EVIL.subarray(2),
  ]);
  const keys = Array.from({ length: 800 }, (_, i) => `${'k'.repeat(16_400)}${String(i).padStart(4, '0')}`);
  const longKeys = stream(
    'PROTO',
    { bytes: [2] },
    'EMPTY_DICT',
    'MARK',
    ...keys.flatMap((key): StreamPart[] => [...string(key), 'NONE']),
    'SETITEMS',
    EVIL.subarray(2),
  );

  it.each([
    ['opcodes without end', deflated('archive/x', flood), 'archive/x: could not decide: '],
    ['keys that look alike', { name: 'archive/x', content: longKeys }, 'archive/x: could not decide: '],
    [
      'such keys in an archive',
      { name: 'archive/x', content: madeZip(checkpointRecords(longKeys)) },
      'archive/x/data.pkl: could not decide: ',
    ],
    [
      'such names of records in an archive',
      { name: 'archive/x', content: madeZip(keys.map((name) => ({ name, content: Buffer.of(1) }))) },
      'archive/x: could not decide: ',
    ],
  ])('is not called clean: %s', async (_what, record, named) => {
    const bytes = madeZip([...checkpointRecords(), record]);
    const checkpoint = await openSource(new MemorySource(bytes));
    const subjects = diagnose(checkpoint, {}).flatMap(({ rule, subjects }) =>
      rule === 'limit/unsearched' ? subjects : [],
    );
    expect(subjects).toEqual([expect.stringContaining(named)]);
  });
});

describe('a hostile pickle in a tar archive', async () => {
  const tar = readFileSync('fixtures/tar/state_dict.tar');
  const members = (await readTarDirectory(new MemorySource(tar))).map(({ name, offset, size }) => ({
    name: name.replace(/^\.\//, ''),
    content: tar.subarray(offset, offset + size),
  }));
  const changed = (name: string, change: (content: Buffer) => Buffer) =>
    tarOf(
      members.map((member) => (member.name === name ? { name, content: change(member.content) } : member)),
    );

  it.each(['sys_info', 'pickle', 'tensors', 'storages'])('of torch 0.1: in %s', async (name) => {
    const bytes = changed(name, (content) => Buffer.concat([evilBefore(content), content.subarray(2)]));
    expect((await verdictOf(bytes)).verdict).toBe('danger');
  });

  it('of torch 0.1: in another file', async () => {
    expect((await verdictOf(tarOf(members))).verdict).not.toBe('danger');
    expect((await verdictOf(tarOf([...members, { name: 'x', content: EVIL }]))).verdict).toBe('danger');
  });

  it('around one file: beside it', async () => {
    const file = { name: 'model.pth', content: CLEAN_ARCHIVE };
    expect((await verdictOf(tarOf([file]))).verdict).not.toBe('danger');
    expect((await verdictOf(tarOf([file, { name: 'x', content: EVIL }]))).verdict).toBe('danger');
  });
});

describe('a hostile pickle in a checkpoint of several files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-stray-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['bert_bin', 'pytorch_model-00001-of-00002.bin', 'pytorch_model.bin.index.json'],
    ['bert_bin', 'pytorch_model-00001-of-00002.bin', '.'],
    ['deepspeed', 'global_step10/mp_rank_00_model_states.pt', '.'],
    ['deepspeed', 'global_step10/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt', '.'],
    ['deepspeed', 'global_step10/bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt', 'global_step10'],
    ['deepspeed', 'rng_state_0.pth', '.'],
    ['bert', 'training_args.bin', '.'],
    ['bert_bin', 'notes.txt', '.'],
    ['lightning', 'last.pt', '.'],
    ['distributed', '.metadata', '.'],
    ['distributed', 'extra', '.'],
  ])('%s: in %s, opened as %s', async (name, file, opened) => {
    const copy = join(folder, `${name}-${opened}`);
    cpSync(`fixtures/containers/${name}`, copy, { recursive: true });
    expect(await rulesOf(join(copy, opened))).not.toContain('safety/dangerous-call');
    writeFileSync(join(copy, file), file === '.metadata' ? EVIL_FIRST : EVIL_ARCHIVE);
    expect(await rulesOf(join(copy, opened))).toContain('safety/dangerous-call');
    // one that breaks behind the call is no better
    writeFileSync(
      join(copy, file),
      madeZip(checkpointRecords(Buffer.concat([EVIL_FIRST.subarray(0, 40), Buffer.of(0xfe)]))),
    );
    if (file !== '.metadata') expect(await rulesOf(join(copy, opened))).toContain('safety/dangerous-call');
  });

  it('may stand where nobody can look: what is damaged is named, with what keeps it from being read', async () => {
    const copy = join(folder, 'damaged');
    cpSync('fixtures/containers/bert', copy, { recursive: true });
    expect(await rulesOf(copy)).not.toContain('limit/unsearched');
    writeFileSync(join(copy, 'optimizer.pt'), CLEAN_ARCHIVE.subarray(0, 300));
    const checkpoint = await openCheckpoint(copy);
    const [found] = diagnose(checkpoint, {}).filter(({ rule }) => rule === 'limit/unsearched');
    await checkpoint.close();
    expect(found?.subjects).toEqual([
      expect.stringMatching(/^optimizer\.pt: zip archive of 300 bytes is cut short/),
    ]);
    expect(found?.message).toContain('torch.load does not read that part');
    expect(found?.message).not.toMatch(/offset|unzip/);
  });

  // macOS and Windows have no such names
  it.runIf(process.platform === 'linux')(
    'may have a name that Node can not open, which is told',
    async () => {
      const copy = join(folder, 'unnameable');
      cpSync('fixtures/containers/bert', copy, { recursive: true });
      writeFileSync(Buffer.concat([Buffer.from(`${copy}/`), Buffer.of(0xff)]), EVIL_ARCHIVE);
      expect(await rulesOf(copy)).toContain('limit/unsearched');
    },
  );
});

async function rulesOf(path: string): Promise<string[]> {
  try {
    const checkpoint = await openCheckpoint(path);
    const findings = diagnose(checkpoint, {});
    await checkpoint.close();
    return findings.map(({ rule }) => rule);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return diagnoseFailure(error).map(({ rule }) => rule);
  }
}

/** A call of a shell whose result is thrown away, with the protocol that the stream behind it has lost. */
function evilBefore(content: Buffer): Buffer {
  return stream('PROTO', { bytes: [content[1] as number] }, ...called('posix', 'system'), 'POP');
}

async function bytesOf(records: Records): Promise<Uint8Array> {
  const source = await zipped(records);
  return source.read(0, source.size);
}
