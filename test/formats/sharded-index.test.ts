import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { lookup } from '../../src/pickle/values.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-shards-'));
const INDEX = 'model.safetensors.index.json';
let copies = 0;

afterAll(() => rmSync(scratch, { recursive: true }));

interface IndexFile {
  metadata: Record<string, unknown>;
  weight_map: Record<string, string>;
}

/** A copy of the sharded BERT, after `change` had its way with it. */
function shards(change: (folder: string, index: IndexFile) => void = () => {}): string {
  const folder = path.join(scratch, String(copies++));
  mkdirSync(folder);
  for (const name of readdirSync('fixtures/containers/bert'))
    copyFileSync(`fixtures/containers/bert/${name}`, path.join(folder, name));
  const index = JSON.parse(readFileSync(path.join(folder, INDEX), 'utf8')) as IndexFile;
  change(folder, index);
  writeFileSync(path.join(folder, INDEX), JSON.stringify(index));
  return path.join(folder, INDEX);
}

const shardsOf = ({ weight_map: map }: IndexFile) => [...new Set(Object.values(map))].sort();

async function opened<T>(file: string, look: (checkpoint: Checkpoint) => T): Promise<T> {
  const checkpoint = await openCheckpoint(file);
  try {
    return look(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

describe('a set of shards that is whole', () => {
  it('is one dict of tensors, its files and its metadata told', async () => {
    await opened(shards(), ({ tensors, sharding, damage, annotations, fileSize, container }) => {
      expect(container).toMatchObject({ kind: 'sharded-index', entries: 2 });
      expect(tensors).toHaveLength(23);
      expect(damage).toEqual([]);
      expect(sharding).toMatchObject({ lostKeys: [], repeatedKeys: [], unlistedKeys: [] });
      expect(sharding?.totalSize?.declared).toBe(sharding?.totalSize?.found);
      expect(sharding?.files.map(({ name }) => name)).toHaveLength(3);
      expect(fileSize).toBe(sharding?.files.reduce((sum, { bytes = 0 }) => sum + bytes, 0));
      const metadata = annotations && lookup(annotations, 'metadata');
      expect(metadata && lookup(metadata, 'total_size')).toBe(sharding?.totalSize?.declared);
    });
  });

  it('keeps what is shared within a shard of torch.save shared', async () => {
    const checkpoint = await openCheckpoint('fixtures/containers/bert_bin/pytorch_model.bin.index.json');
    expect(
      checkpoint.storages.every(({ key }) => /^pytorch_model-0000\d-of-0000\d\.bin\/\d+$/.test(key)),
    ).toBe(true);
    expect(checkpoint.globals.find(({ name }) => name === 'torch._utils._rebuild_tensor_v2')?.count).toBe(23);
    await checkpoint.close();
  });
});

describe('a set of shards with a fault', () => {
  it('tells a missing shard and how many tensors it had, and keeps the rest', async () => {
    const file = shards((folder, index) => rmSync(path.join(folder, shardsOf(index)[0] as string)));
    await opened(file, ({ tensors, damage, sharding }) => {
      expect(damage).toEqual([
        expect.objectContaining({
          code: 'missing-record',
          message: expect.stringMatching(
            /^shard model-00001-of-00002\.safetensors is missing .* \d+ tensors/,
          ),
        }),
      ]);
      expect(tensors.length).toBeGreaterThan(0);
      expect(tensors.length).toBeLessThan(23);
      expect(sharding?.files.find(({ bytes }) => bytes === undefined)?.name).toContain('00001');
      expect(sharding?.totalSize).toBeUndefined();
    });
  });

  it('tells a shard that is something else', async () => {
    const file = shards((folder, index) =>
      writeFileSync(path.join(folder, shardsOf(index)[1] as string), '<html>'),
    );
    await opened(file, ({ damage }) => {
      expect(damage[0]).toMatchObject({ code: 'not-a-checkpoint', message: expect.stringContaining('HTML') });
    });
  });

  it('tells a shard that is cut short', async () => {
    const file = shards((folder, index) => {
      const shard = path.join(folder, shardsOf(index)[1] as string);
      writeFileSync(shard, readFileSync(shard).subarray(0, -4));
    });
    await opened(file, ({ damage }) => expect(damage[0]).toMatchObject({ code: 'truncated' }));
  });

  it('tells keys in no shard, in two shards, in another shard, and in none of the index', async () => {
    let moved = '';
    let dropped = '';
    const file = shards((folder, index) => {
      const [first, second] = shardsOf(index) as [string, string];
      const keys = Object.keys(index.weight_map);
      moved = keys.find((key) => index.weight_map[key] === first) as string;
      dropped = keys.find((key) => index.weight_map[key] === second) as string;
      index.weight_map[moved] = second;
      index.weight_map['not.there'] = first;
      delete index.weight_map[dropped];
      copyFileSync(path.join(folder, first), path.join(folder, 'model-copy.safetensors'));
      index.weight_map['twice.there'] = 'model-copy.safetensors';
    });
    await opened(file, ({ sharding, tensors }) => {
      expect(sharding?.lostKeys.slice().sort()).toEqual([moved, 'not.there', 'twice.there'].sort());
      expect(sharding?.unlistedKeys).toContain(dropped);
      expect(sharding?.repeatedKeys).toContain(moved);
      expect(tensors).toHaveLength(23);
      expect(sharding?.totalSize?.found).not.toBe(sharding?.totalSize?.declared);
    });
  });

  it('tells a total size that disagrees', async () => {
    const file = shards((_folder, index) => {
      index.metadata.total_size = 10;
    });
    await opened(file, ({ sharding }) => {
      expect(sharding?.totalSize).toEqual({ declared: 10, found: expect.any(Number) });
      expect(sharding?.totalSize?.found).toBeGreaterThan(1000);
    });
  });
});

describe('an index that is refused', () => {
  const refused = (text: string) => openSource(new MemorySource(Buffer.from(text)), 'x.index.json');

  it('has no shard beside it', async () => {
    const file = shards((folder, index) => {
      for (const shard of shardsOf(index)) rmSync(path.join(folder, shard));
    });
    await expect(openCheckpoint(file)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('none of the 2'),
    });
  });

  it.each(['../secret.safetensors', '/etc/passwd', 'a/../../b', '..', ''])(
    'names a file outside of its folder: %j',
    async (name) => {
      const file = shards((_folder, index) => {
        index.weight_map = { w: name };
      });
      await expect(openCheckpoint(file)).rejects.toMatchObject({
        code: 'bad-archive',
        message: expect.stringContaining('is not opened'),
      });
    },
  );

  it('is no index', async () => {
    await expect(refused('{"weight_map": 3}')).rejects.toMatchObject({ code: 'bad-archive' });
    await expect(refused('{"weight_map": {"a": 3}}')).rejects.toMatchObject({ code: 'bad-archive' });
    await expect(refused('{"weight_map": {"a": ')).rejects.toMatchObject({ code: 'bad-archive' });
    await expect(refused('{"weight_map": {"a": "b"}}')).rejects.toMatchObject({ code: 'unsupported' });
    await expect(refused('{"error": "not found"}')).rejects.toMatchObject({ code: 'not-a-checkpoint' });
  });
});
