import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { type ByteSource, MemorySource } from '../../src/io/byte-source.ts';
import { entriesOf, lookup, type PyGlobal, type PyObject } from '../../src/pickle/values.ts';
import { stream } from '../support/pickle-stream.ts';

const open = (file: string) => openCheckpoint(`fixtures/${file}`);

describe('a legacy stream', () => {
  it('says what it is', async () => {
    const { container } = await open('legacy/state_dict.pth');
    expect(container).toEqual({
      kind: 'torch-legacy',
      pickleProtocol: 2,
      byteOrder: 'little',
      era: 'torch 0.4 or newer',
    });
  });

  it.each([
    ['legacy/untyped_storages.pth', 'torch 2.0 or newer, asked for the legacy form'],
    ['legacy/old_rebuild_tensor.pth', 'torch 0.1.12 to 0.3'],
    ['legacy/python2.pth', 'torch 0.1.12 to 0.3, written by Python 2'],
    ['legacy/earliest.pth', 'torch 0.1.10 or 0.1.11'],
  ])('%s is of %s', async (file, era) => {
    expect((await open(file)).container.era).toBe(era);
  });

  it('is one however its magic number is said', async () => {
    const bytes = readFileSync('fixtures/legacy/state_dict.pth');
    const said = stream(
      'PROTO',
      { bytes: [2] },
      ...Array.from({ length: 9 }, () => ['NONE', 'POP'] as const).flat(),
      'LONG',
      { text: '119547037146038801333356L\n' },
      'STOP',
    );
    const rest = bytes.subarray(bytes.indexOf('.') + 1);
    const source = new MemorySource(Buffer.concat([said, rest]));
    const { container, tensors } = await openSource(source);
    expect(container.kind).toBe('torch-legacy');
    expect(tensors.map(({ name }) => name)).toEqual(
      (await open('legacy/state_dict.pth')).tensors.map(({ name }) => name),
    );
  });

  it('places every storage in the file', async () => {
    const bytes = readFileSync('fixtures/legacy/views.pth');
    const { storages } = await open('legacy/views.pth');
    const [{ fileOffset, numel }] = storages as [(typeof storages)[0]];
    expect(
      Array.from({ length: numel }, (_, i) => bytes.readFloatLE((fileOffset as number) + 4 * i)),
    ).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(bytes.readBigInt64LE((fileOffset as number) - 8)).toBe(12n);
  });

  it('reads the OrderedDict of Python 2 as a mapping', async () => {
    const { root } = await open('legacy/python2.pth');
    const state = lookup(root, 'state_dict');
    expect(entriesOf(state ?? null)?.keys).toEqual(['module.weight', 'module.bias']);
    expect(lookup(root, 'arch')).toBe('alexnet');
  });

  it('puts the class where its source was saved, and keeps the source', async () => {
    const { root, annotations, damage } = await open('legacy/whole_module.pth');
    expect(damage).toEqual([]);
    const { callable } = root as PyObject;
    expect((callable as PyGlobal).qualifiedName).toBe('torch.nn.modules.linear.Linear');
    const sources = lookup(annotations ?? null, 'embedded_sources');
    const source = lookup(sources ?? null, 'torch.nn.modules.linear.Linear');
    expect(lookup(source ?? null, 'file')).toBe('linear.py');
    expect(lookup(source ?? null, 'source')).toContain('class Linear(Module)');
  });
});

describe('storages that view a storage', () => {
  it('are gone: a tensor stands on the whole, as many elements further on', async () => {
    const { tensors, storages, damage } = await open('legacy/storage_views.pth');
    const [whole, middle] = tensors;
    expect(middle?.storage).toBe(whole?.storage);
    expect(middle?.storageOffset).toBe(5);
    expect([...((await readTensor(middle as (typeof tensors)[0])) as Float32Array)]).toEqual([5, 6, 7, 8]);
    expect(storages.map(({ key, numel }) => [key, numel])).toEqual([
      ['100', 12],
      ['100#1', 6],
    ]);
    expect(damage).toEqual([]);
  });

  it('become storages where they stand by themselves', async () => {
    const checkpoint = await open('legacy/storage_views.pth');
    const [whole, bare] = checkpoint.storages;
    expect(bare?.fileOffset).toBe((whole?.fileOffset ?? 0) + 16);
    expect(bare?.bytes).toBe(24);
  });
});

describe('a legacy stream that is damaged', () => {
  it('says which tensors are whole where it is cut', async () => {
    const { damage, tensors } = await open('damaged/legacy_truncated.pth');
    expect(tensors.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    expect(damage).toHaveLength(1);
    expect(damage[0]).toMatchObject({ code: 'truncated' });
    expect(damage[0]?.message).toMatch(/, 56 bytes short: 2 of 4 tensors are whole, lost: [a-d], [a-d]; get/);
    const read = await Promise.allSettled(tensors.map((tensor) => readTensor(tensor)));
    expect(read.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });

  it('names the storage whose number of elements is not that of the pickle', async () => {
    await expect(open('damaged/legacy_elements.pth')).rejects.toMatchObject({
      code: 'bad-archive',
      message: expect.stringMatching(/storage "2" at offset \d+ says 3 elements, its pickle 2/),
    });
  });

  it('names a version that torch does not load', async () => {
    const bytes = Buffer.from(readFileSync('fixtures/legacy/python2.pth'));
    const version = bytes.indexOf(Buffer.from('4de903', 'hex'));
    bytes.writeUInt16LE(1002, version + 1);
    await expect(openSource(new MemorySource(bytes))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('version 1002, expected 1001'),
    });
  });

  it('names a storage that is listed and has no tensor', async () => {
    const bytes = Buffer.from(readFileSync('fixtures/legacy/python2.pth'));
    const key = Buffer.from('X\x03\x00\x00\x00300');
    const list = bytes.lastIndexOf(key);
    bytes.write('301', list + 5);
    await expect(openSource(new MemorySource(bytes))).rejects.toMatchObject({
      message: expect.stringContaining('storage "301" is listed, but no tensor has it'),
    });
  });
});

describe('reads', () => {
  it('are few, however many storages there are', async () => {
    const bytes = readFileSync('fixtures/legacy/ddp_cuda.pth');
    let reads = 0;
    const counted: ByteSource = {
      size: bytes.length,
      read: async (offset, length) => {
        reads++;
        return bytes.subarray(offset, offset + length);
      },
    };
    const { storages } = await openSource(counted);
    expect(storages.length).toBeGreaterThan(20);
    expect(reads).toBeLessThanOrEqual(5);
  });
});
