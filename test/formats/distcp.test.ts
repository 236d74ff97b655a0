import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { readDistcpMetadata } from '../../src/formats/distcp-metadata.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { decodePickle } from '../../src/pickle/decoder.ts';
import { lookup } from '../../src/pickle/values.ts';

const FIXTURE = 'fixtures/containers/distributed';
const scratch = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-distcp-'));
let copies = 0;

afterAll(() => rmSync(scratch, { recursive: true }));

/** A copy of the checkpoint of four ranks, after `change` had its way with it. */
function copy(change: (folder: string) => void): string {
  const folder = path.join(scratch, String(copies++));
  cpSync(FIXTURE, folder, { recursive: true });
  change(folder);
  return folder;
}

describe('a folder of torch.distributed.checkpoint', () => {
  it('lists tensors whole, and nests the other values as they were', async () => {
    const { tensors, root, damage, sharding, globals, close } = await openCheckpoint(FIXTURE);
    expect(tensors.find(({ name }) => name === 'model.columns')).toMatchObject({ shape: [6, 10] });
    expect(tensors.map(({ name }) => name)).toContain('model.list.1.x');
    expect(lookup(root, 'epoch')).toBe(3);
    expect(damage).toEqual([]);
    expect(sharding?.files.map(({ name }) => name).sort()).toEqual([
      '.metadata',
      ...[0, 1, 2, 3].map((rank) => `__${rank}_0.distcp`),
    ]);
    expect(globals.map(({ name }) => name).filter((name) => name.includes('checkpoint'))).toEqual([]);
    await close();
  });

  it('knows of each chunk where it stands', async () => {
    const { value } = await decodePickle(new MemorySource(readFileSync(`${FIXTURE}/.metadata`)));
    const grid = readDistcpMetadata(value).find(({ fqn }) => fqn === 'model.grid');
    if (grid?.kind !== 'tensor') throw new Error('model.grid is a tensor');
    expect(grid.shape).toEqual([7, 9]);
    expect(grid.chunks.map(({ offsets, sizes }) => [offsets, sizes])).toEqual([
      [
        [0, 0],
        [4, 5],
      ],
      [
        [0, 5],
        [4, 4],
      ],
      [
        [4, 0],
        [3, 5],
      ],
      [
        [4, 5],
        [3, 4],
      ],
    ]);
    expect(new Set(grid.chunks.map(({ part }) => part?.file)).size).toBe(4);
  });
});

describe('a file of the folder', () => {
  it.each(['__0_0.distcp', '.metadata'])('%s is nothing without the others', async (name) => {
    await expect(openCheckpoint(`${FIXTURE}/${name}`)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(`give the folder (${FIXTURE})`),
    });
  });
});

describe('a folder with a fault', () => {
  it('tells a missing file, and which tensors it had', async () => {
    const folder = copy((at) => rmSync(path.join(at, '__2_0.distcp')));
    const { damage, sharding, tensors, close } = await openCheckpoint(folder);
    expect(damage.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^file __2_0\.distcp is missing: a chunk of tensor "model\.rows" is lost/),
    );
    expect(damage.every(({ code }) => code === 'missing-record')).toBe(true);
    expect(sharding?.files).toContainEqual({ name: '__2_0.distcp', bytes: undefined });
    const rows = tensors.find(({ name }) => name === 'model.rows');
    if (!rows) throw new Error('model.rows is listed all the same');
    await expect(readTensor(rows)).rejects.toMatchObject({ code: 'missing-record' });
    await close();
  });

  it('tells a file that is cut short', async () => {
    const folder = copy((at) => truncateSync(path.join(at, '__1_0.distcp'), 3000));
    const { damage, close } = await openCheckpoint(folder);
    expect(damage.length).toBeGreaterThan(0);
    expect(damage.some(({ code }) => code === 'short-record')).toBe(true);
    await close();
  });

  it('does not take the bytes of another tensor for a chunk', async () => {
    const folder = copy((at) => {
      const file = path.join(at, '.metadata');
      // a float32 tensor is said to be of float64, so that its chunk holds half of what it should
      const bytes = readFileSync(file);
      bytes.write('float64', bytes.indexOf('float32'), 'latin1');
      writeFileSync(file, bytes);
    });
    const { tensors, close } = await openCheckpoint(folder);
    const [first] = tensors;
    if (!first) throw new Error('a tensor expected');
    await expect(readTensor(first)).rejects.toMatchObject({
      code: 'bad-archive',
      message: expect.stringContaining('expected float64'),
    });
    await close();
  });

  it('follows no name out of the folder', async () => {
    const folder = copy((at) => {
      const file = path.join(at, '.metadata');
      const bytes = readFileSync(file);
      const from = bytes.indexOf('__0_0.distcp');
      bytes.write('../_0.distcp', from, 'latin1');
      writeFileSync(file, bytes);
    });
    const { damage, close } = await openCheckpoint(folder);
    expect(damage.map(({ message }) => message)).toContainEqual(expect.stringContaining('is not opened'));
    await close();
  });

  it.each([
    ['is no pickle', Buffer.from('nothing')],
    ['is the pickle of something else', Buffer.from('\x80\x02}q\0.', 'latin1')],
  ])('has a .metadata that %s', async (_what, bytes) => {
    const folder = copy((at) => writeFileSync(path.join(at, '.metadata'), bytes));
    await expect(openCheckpoint(folder)).rejects.toMatchObject({ code: 'bad-pickle' });
  });
});
