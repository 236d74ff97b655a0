import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { Archive } from '../../src/formats/archive.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { type ByteSource, MemorySource } from '../../src/io/byte-source.ts';
import { readSegment } from '../../src/io/segment.ts';
import { lookup, PyObject, PyPersistent } from '../../src/pickle/values.ts';

const open = (file: string) => openCheckpoint(`fixtures/pickle/${file}`);

describe('tensors by pickle.dump', () => {
  it('share a storage again where their streams say so', async () => {
    const { storages, tensors } = await open('views.pkl');
    expect(storages).toHaveLength(1);
    expect(new Set(tensors.map(({ storage }) => storage)).size).toBe(1);
  });

  it('do not share a storage whose bytes differ', async () => {
    const bytes = Buffer.from(readFileSync('fixtures/pickle/views.pkl'));
    bytes[bytes.lastIndexOf(Buffer.from([0, 0, 0x30, 0x41])) + 3] = 0x42;
    const { storages } = await openSource(new MemorySource(bytes));
    expect(storages.length).toBeGreaterThan(1);
    expect(new Set(storages.map(({ key }) => key)).size).toBe(storages.length);
  });

  it.each([3, 4, 5])('protocol %i: storages stand in the file', async (protocol) => {
    const bytes = readFileSync(`fixtures/pickle/state_dict_${protocol}.pkl`);
    const { storages } = await open(`state_dict_${protocol}.pkl`);
    for (const { fileOffset, bytes: length, content } of storages) {
      const own = await readSegment(content ?? new Uint8Array(), 1 << 20);
      expect(bytes.subarray(fileOffset ?? 0, (fileOffset ?? 0) + length).equals(own)).toBe(true);
    }
  });

  it('protocol 2: storages stand nowhere in the file as they are', async () => {
    const { storages } = await open('state_dict_2.pkl');
    expect(storages.map(({ fileOffset }) => fileOffset)).toEqual(storages.map(() => null));
  });

  it('count the names of the streams inside', async () => {
    const { globals, storages } = await open('state_dict_4.pkl');
    const counts = Object.fromEntries(globals.map(({ name, count }) => [name, count]));
    expect(counts['torch.storage._load_from_bytes']).toBe(storages.length);
    expect(counts['torch.FloatStorage']).toBeGreaterThan(0);
  });

  it('say at which call a stream is damaged', async () => {
    const bytes = Buffer.from(readFileSync('fixtures/pickle/state_dict_4.pkl'));
    const storage = bytes.indexOf('FloatStorage');
    bytes.write('Flaot', storage);
    await expect(openSource(new MemorySource(bytes))).rejects.toMatchObject({
      message: expect.stringMatching(/^storage inside the pickle, loaded by the call at offset \d+: /),
    });
  });

  it('leave alone what is loaded from bytes of another kind', async () => {
    const bytes = Buffer.from(readFileSync('fixtures/pickle/untyped_storages.pkl'));
    for (let at = bytes.indexOf('8a0a6cfc', 'hex'); at >= 0; at = bytes.indexOf('8a0a6cfc', at + 1, 'hex'))
      bytes[at] = 0;
    await expect(openSource(new MemorySource(bytes))).rejects.toMatchObject({
      code: 'bad-pickle',
      message: expect.stringContaining('no storage'),
    });
  });
});

describe('payloads', () => {
  /** A pickle `{'blob': <5 GiB>, 'a': 1}` of which no byte of the blob exists. */
  function huge(): ByteSource & { fetched: number } {
    const blob = 5 * 2 ** 30;
    const head = Buffer.concat([Buffer.from('80047d288c04626c6f628e', 'hex'), Buffer.alloc(8)]);
    head.writeBigUInt64LE(BigInt(blob), head.length - 8);
    const tail = Buffer.from('8c01614b01752e', 'hex');
    const size = head.length + blob + tail.length;
    return {
      size,
      fetched: 0,
      async read(offset, length) {
        this.fetched += length;
        const bytes = Buffer.alloc(length);
        for (let i = 0; i < length; i++) {
          const at = offset + i;
          if (at < head.length) bytes[i] = head[at] as number;
          else if (at >= size - tail.length) bytes[i] = tail[at - size + tail.length] as number;
        }
        return bytes;
      },
    };
  }

  it('of 5 GiB are passed over, not read', async () => {
    const source = huge();
    const { root, pickle } = await openSource(source);
    expect(lookup(root, 'a')).toBe(1);
    expect(lookup(root, 'blob')).toMatchObject({ length: 5 * 2 ** 30 });
    expect(pickle?.longPayloads).toHaveLength(1);
    expect(source.fetched).toBeLessThan(2 ** 21);
  });
});

describe('numpy arrays by pickle.dump', () => {
  it('are listed as tensors on their own bytes', async () => {
    const { tensors, container } = await open('arrays_4.pkl');
    expect(container.era).toBe('pickle.dump of numpy arrays');
    const fortran = tensors.find(({ name }) => name === 'model.fortran');
    expect(fortran).toMatchObject({ shape: [2, 3], stride: [1, 2] });
    expect([...((await readTensor(fortran as NonNullable<typeof fortran>)) as Float32Array)]).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
  });

  it('stay arrays where torch has no such dtype or byte order', async () => {
    const { tensors, root } = await open('big_endian_arrays.pkl');
    expect(tensors.map(({ name }) => name)).toEqual(['plain']);
    for (const key of ['big', 'text', 'objects']) expect(lookup(root, key)).toBeInstanceOf(PyObject);
  });

  it('stay arrays beside anything else', async () => {
    const checkpoint = await openCheckpoint('fixtures/broken/xla_arrays.pth');
    const pickle = (await Archive.open(checkpoint.source)).content('data.pkl');
    const alone = await openSource(new MemorySource(await readSegment(pickle ?? new Uint8Array(), 1 << 20)));
    expect(alone.container.kind).toBe('pickle');
    // listed as what torch would build of them, on no storage
    expect(alone.tensors.map(({ name, array, storage }) => [name, array, storage])).toContainEqual([
      'xla',
      true,
      undefined,
    ]);
    expect(alone.storages).toEqual([]);
  });
});

describe('a data.pkl without its archive', () => {
  it('lists its tensors and says what is lost', async () => {
    const checkpoint = await openCheckpoint('fixtures/clean/state_dict.pth');
    const pickle = (await Archive.open(checkpoint.source)).content('data.pkl');
    const alone = await openSource(new MemorySource(await readSegment(pickle ?? new Uint8Array(), 1 << 20)));
    expect(alone.tensors).toHaveLength(checkpoint.tensors.length);
    expect([...alone.storageOf.keys()].every((node) => node instanceof PyPersistent)).toBe(true);
    expect(alone.damage).toHaveLength(1);
    expect(alone.damage[0]).toMatchObject({
      code: 'missing-record',
      message: expect.stringContaining('names 14 storages that are not in it'),
    });
  });
});
