import {
  chmodSync,
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/diagnose/finding.ts';
import { defaultOutput, type FixOptions, fixCheckpoint } from '../../src/fix/fix.ts';
import { planFix } from '../../src/fix/plan.ts';
import { operationsOf } from '../../src/fix/steps.ts';
import { verifyOutput } from '../../src/fix/verify.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { RefusedError, UnreadableError } from '../../src/io/errors.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { atPath, parseForeign } from '../support/pickleparser.ts';
import { MemorySink } from '../zip/memory-sink.ts';
import { readWithYauzl, workshop } from './files.ts';

const { copy, beside, place } = workshop();
const DDP = 'broken/ddp_cuda.pth';
const CURE: FixOptions = { mapLocation: 'cpu', stripPrefixes: ['module.'] };

async function refusal(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toMatch(/^[^\n]+$/);
  return error as Error;
}

describe('defaultOutput', () => {
  it.each([
    ['model.pth', 'model.fixed.pth'],
    ['/a/b.c/model.pth.tar', '/a/b.c/model.pth.fixed.tar'],
    ['noext', 'noext.fixed'],
    ['./x/model.ckpt', './x/model.fixed.ckpt'],
  ])('of %s is %s', (input, output) => {
    expect(defaultOutput(input)).toBe(output);
  });

  it.each([
    ['model.pth', 'model.safetensors'],
    ['/a/b.c/model.pth.tar', '/a/b.c/model.safetensors'],
    ['llama-3.1', 'llama-3.1.safetensors'],
    ['pytorch_model.bin.index.json', 'pytorch_model.safetensors'],
    ['model.safetensors', 'model.fixed.safetensors'],
    ['model.safetensors.index.json', 'model.fixed.safetensors'],
  ])('of %s as safetensors is %s', (input, output) => {
    expect(defaultOutput(input, false, 'safetensors')).toBe(output);
  });
});

/** A training checkpoint gets advice, which no fix takes away. */
const beyondAdvice = (findings: readonly Finding[]) => findings.filter(({ severity }) => severity !== 'info');

describe('fixCheckpoint', () => {
  it('writes beside the input, and leaves the input as it was', async () => {
    const input = copy(DDP);
    const before = readFileSync(input);
    chmodSync(input, 0o640);
    const result = await fixCheckpoint(input, CURE);
    expect(result).toMatchObject({
      input,
      output: input.replace('.pth', '.fixed.pth'),
      mode: 'copy',
      verified: true,
      bytesIn: before.length,
      corrupted: [],
    });
    expect(result.plan.operations.map(({ name }) => name)).toEqual(['strip-module', 'map-location cpu']);
    expect(beyondAdvice(result.findingsBefore).map(({ rule }) => rule)).toEqual([
      'device/cuda-tag',
      'keys/module-prefix',
    ]);
    expect(beyondAdvice(result.findingsAfter)).toEqual([]);
    expect(statSync(result.output).size).toBe(result.bytesOut);
    expect(statSync(result.output).mode & 0o777).toBe(0o640 & ~process.umask());
    expect(readFileSync(input).equals(before)).toBe(true);
    expect(beside(input)).toEqual(['ddp_cuda.fixed.pth']);
  });

  it('does by itself what the findings ask for', async () => {
    const input = copy(DDP);
    const result = await fixCheckpoint(input, { auto: true });
    expect(beyondAdvice(result.findingsAfter)).toEqual([]);
    const asked = await fixCheckpoint(input, { ...CURE, output: path.join(place(), 'ddp_cuda.fixed.pth') });
    expect(readFileSync(result.output).equals(readFileSync(asked.output))).toBe(true);
  });

  it('gives the same bytes again when nothing is left to do', async () => {
    const { output } = await fixCheckpoint(copy(DDP), CURE);
    const again = await fixCheckpoint(output, { ...CURE, output: path.join(place(), 'again.pth') });
    expect(readFileSync(again.output).equals(readFileSync(output))).toBe(true);
    expect(again.plan.operations.map(({ affected }) => affected)).toEqual([0, 0]);
  });

  it('tells how far it is', async () => {
    const told: [number, number][] = [];
    const { bytesOut } = await fixCheckpoint(copy(DDP), {
      ...CURE,
      onProgress: (...progress) => told.push(progress),
    });
    expect(told.length).toBeGreaterThan(0);
    expect(told.at(-1)).toEqual([bytesOut, bytesOut]);
  });

  it('writes nothing in a dry run', async () => {
    const input = copy(DDP);
    const result = await fixCheckpoint(input, { ...CURE, dryRun: true });
    expect(result).toMatchObject({ verified: false, findingsAfter: [] });
    expect(result.plan.operations.map(({ affected }) => affected)).toEqual([14, 22]);
    expect(beside(input)).toEqual([]);
  });

  it('tells of bytes that do not match their checksum, and copies them', async () => {
    const input = copy('damaged/crc_wrong.pth');
    const result = await fixCheckpoint(input, { mapLocation: 'cpu', verify: 'full' });
    expect(result.corrupted.length).toBeGreaterThan(0);
    for (const { bytes, crc32: declared } of await readWithYauzl(result.output))
      expect(crc32(bytes)).toBe(declared);
    // checksums of 0 were never computed
    expect((await fixCheckpoint(copy('clean/crc_off.pth'), { mapLocation: 'cpu' })).corrupted).toEqual([]);
  });
});

describe('a fix that is refused', () => {
  it.each<[string, string, FixOptions, RegExp]>([
    [
      'no operation, with the command that would heal',
      DDP,
      {},
      /^no operation given; this heals what was found: ckpt-doctor fix \S+ --map-location cpu --strip-module$/,
    ],
    [
      'no operation where nothing is wrong',
      'clean/state_dict.pth',
      {},
      /^no operation given, and nothing was found/,
    ],
    ['an empty prefix', DDP, { stripPrefixes: [''] }, /prefix to strip is empty/],
    [
      'a location that torch has not',
      DDP,
      { mapLocation: 'cpu:0' },
      /torch restores only the exact tag 'cpu'/,
    ],
    [
      'a collision',
      'broken/prefix_collision.pth',
      { stripPrefixes: ['module.'] },
      /would both become 'weight'/,
    ],
    [
      'a folder that is not there',
      DDP,
      { ...CURE, output: '/nowhere/at/all.pth' },
      /its folder does not exist/,
    ],
  ])('for %s', async (_why, file, options, words) => {
    const input = copy(file);
    const error = await refusal(fixCheckpoint(input, options));
    expect(error).toBeInstanceOf(RefusedError);
    expect(error.message).toMatch(words);
    expect(beside(input)).toEqual([]);
  });

  it.each([
    'damaged/record_missing.pth',
    'damaged/record_short.pth',
    'damaged/truncated_in_storage.pth',
    'damaged/pickle_bogus_opcode.pth',
    'damaged/view_outside_storage.pth',
  ])('for the damage of %s', async (file) => {
    const input = copy(file);
    expect(await refusal(fixCheckpoint(input, CURE))).toBeInstanceOf(UnreadableError);
    expect(beside(input)).toEqual([]);
  });

  it('for an output that exists, until it is forced', async () => {
    const input = copy(DDP);
    const output = path.join(path.dirname(input), 'there.pth');
    writeFileSync(output, 'precious');
    const error = await refusal(fixCheckpoint(input, { ...CURE, output }));
    expect(error.message).toMatch(/exists; replace it with --force/);
    expect(readFileSync(output, 'utf8')).toBe('precious');
    await fixCheckpoint(input, { ...CURE, output, force: true });
    expect(readFileSync(output).length).toBeGreaterThan(1000);
    expect(beside(input)).toEqual(['there.pth']);
  });

  it.each([
    ['its own name', (input: string) => input],
    [
      'a roundabout path',
      (input: string) =>
        path.join(path.dirname(input), '..', path.basename(path.dirname(input)), path.basename(input)),
    ],
    ['a symbolic link', (input: string) => link(symlinkSync, input)],
    ['a hard link', (input: string) => link(linkSync, input)],
  ])('for an output that is the input, by %s, forced or not', async (_how, name) => {
    const input = copy(DDP);
    const before = readFileSync(input);
    const output = name(input);
    const files = beside(input);
    for (const force of [false, true]) {
      const error = await refusal(fixCheckpoint(input, { ...CURE, output, force }));
      expect(error.message).toMatch(/is the input itself/);
    }
    expect(readFileSync(input).equals(before)).toBe(true);
    expect(beside(input)).toEqual(files);
  });
});

function link(make: (target: string, path: string) => void, input: string): string {
  const name = path.join(path.dirname(input), 'link.pth');
  make(input, name);
  return name;
}

describe('verification', () => {
  /** Damages the unfinished output when all of its bytes are on their way. */
  const spoil = (input: string, at: (bytes: Buffer) => number) => (written: number, total: number) => {
    if (written < total) return;
    const [name] = readdirSync(path.dirname(input)).filter((each) => each.endsWith('.tmp'));
    const file = path.join(path.dirname(input), name as string);
    const bytes = readFileSync(file);
    const offset = at(bytes);
    const handle = openSync(file, 'r+');
    writeSync(handle, Buffer.of((bytes[offset] as number) ^ 1), 0, 1, offset);
    closeSync(handle);
  };
  const inPickle = (bytes: Buffer) => bytes.indexOf('conv1.weight');
  const inStorage = (bytes: Buffer) => {
    const header = bytes.indexOf('/data/0');
    // name, padding, and a few bytes into the content
    return Math.ceil((header + 7) / 64) * 64 + 5;
  };

  it.each([
    ['quick', inPickle],
    ['full', inPickle],
    ['full', inStorage],
  ] as const)('%s finds a spoiled output, and keeps nothing', async (verify, at) => {
    const input = copy(DDP);
    const error = await refusal(fixCheckpoint(input, { ...CURE, verify, onProgress: spoil(input, at) }));
    expect(error).toBeInstanceOf(RefusedError);
    expect(error.message).toMatch(/^verification failed, nothing was kept: /);
    expect(beside(input)).toEqual([]);
  });

  it('finds an output that can no longer be read', async () => {
    const input = copy(DDP);
    await refusal(
      fixCheckpoint(input, { ...CURE, onProgress: spoil(input, (bytes) => bytes.lastIndexOf('PK\x05\x06')) }),
    );
    expect(beside(input)).toEqual([]);
  });

  it('tells what differs from the plan', async () => {
    const checkpoint = await openCheckpoint('fixtures/clean/views.pth');
    const plan = await planFix(checkpoint, operationsOf({ mapLocation: 'cpu' }));
    const sink = new MemorySink(plan.layout.size);
    await writeArchive(plan.layout, sink);
    const open = () => openSource(new MemorySource(sink.bytes));
    await verifyOutput(plan, await open(), 'full');
    const [tensor] = plan.tensors;
    const [storage] = plan.storages;
    if (!tensor || !storage) throw new Error('the fixture holds tensors');
    const attempts: [Partial<typeof plan>, RegExp][] = [
      [{ tensors: plan.tensors.slice(1) }, /tensors, expected/],
      [{ storages: plan.storages.slice(1) }, /storages, expected/],
      [{ storages: [{ ...storage, location: 'mps' }, ...plan.storages.slice(1)] }, /storage 0 is 0 on cpu/],
      [
        { tensors: [{ ...tensor, shape: [1, ...tensor.shape] }, ...plan.tensors.slice(1)] },
        new RegExp(`tensor ${tensor.name} \\(`),
      ],
      [{ tensors: [{ ...tensor, name: 'other' }, ...plan.tensors.slice(1)] }, /tensor other \(/],
      [
        { tensors: [{ ...tensor, requiresGrad: true }, ...plan.tensors.slice(1)] },
        new RegExp(`tensor ${tensor.name} \\(`),
      ],
      [
        { tensors: [{ ...tensor, storage: { ...storage.storage } }, ...plan.tensors.slice(1)] },
        /is not in the storage that it was in/,
      ],
    ];
    for (const [change, words] of attempts) {
      await expect(verifyOutput({ ...plan, ...change }, await open(), 'quick')).rejects.toThrow(words);
    }
    await checkpoint.close();
  });
});

describe('the output', () => {
  const FILES = [
    DDP,
    'clean/state_dict.pth',
    'clean/tied_weights.pth',
    'clean/views.pth',
    'broken/two_gpus.pth',
    'broken/ddp_cuda_protocol_4.pth',
    'torch-1.13/state_dict.pth',
  ];

  it.each(FILES)('of %s is an archive to yauzl, in the order of torch, stored and aligned', async (file) => {
    const { output } = await fixCheckpoint(copy(file), CURE);
    const entries = await readWithYauzl(output);
    const names = entries.map(({ name }) => name.slice(name.indexOf('/') + 1));
    const storages = names.filter((name) => name.startsWith('data/'));
    expect(names.slice(0, 4)).toEqual(['data.pkl', '.format_version', '.storage_alignment', 'byteorder']);
    expect(names.slice(4, 4 + storages.length)).toEqual(storages.map((_, index) => `data/${index}`));
    expect(names[4 + storages.length]).toBe('version');
    for (const { bytes, crc32: declared, method, start } of entries) {
      expect(crc32(bytes)).toBe(declared);
      expect(method).toBe(0);
      expect(start % 64).toBe(0);
    }
  });

  it.each(FILES)('of %s is a pickle to pickleparser, with every tensor in its place', async (file) => {
    const input = copy(file);
    const { output } = await fixCheckpoint(input, CURE);
    const entries = new Map(
      (await readWithYauzl(output)).map((entry) => [entry.name.replace(/^[^/]*\//, ''), entry]),
    );
    const root = parseForeign((entries.get('data.pkl') as { bytes: Buffer }).bytes);
    const checkpoint = await openCheckpoint(input);
    expect(checkpoint.tensors.length).toBeGreaterThan(0);
    for (const { path: steps, storage, shape, stride, storageOffset } of checkpoint.tensors) {
      const renamed = steps.map((step) =>
        typeof step === 'string' ? step.replace(/^module\.(?=.)/, '') : step,
      );
      const tensor = atPath(root, renamed);
      expect(tensor).toMatchObject({ location: 'cpu', size: shape, stride, offset: storageOffset });
      const { key } = tensor as { key: string };
      const before = await checkpoint.source.read(storage?.fileOffset as number, storage?.bytes as number);
      expect(entries.get(`data/${key}`)?.bytes.equals(before)).toBe(true);
    }
    await checkpoint.close();
  });
});
