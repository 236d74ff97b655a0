import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import type { Path } from '../../src/checkpoint/path.ts';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { loadableForm } from '../../src/fix/loadable.ts';
import { openCheckpoint } from '../../src/formats/open.ts';

/** A tensor as the loader of the container gives it. */
interface ExpectedTensor {
  path: string;
  dtype: string;
  shape: number[];
  stride: number[];
  sha256: string;
}

interface Expected {
  file: string;
  kind: Checkpoint['container']['kind'] | '';
  tensors?: ExpectedTensor[];
}

const FILES: Expected[] = JSON.parse(readFileSync('fixtures/containers/expected.json', 'utf8')).files;
const READ = FILES.filter(({ tensors }) => tensors);

function pointer(path: Path): string {
  return path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

async function described(checkpoint: Checkpoint): Promise<ExpectedTensor[]> {
  const facts: ExpectedTensor[] = [];
  for (const tensor of checkpoint.tensors) {
    const { buffer, byteOffset, byteLength } = await readTensor(tensor);
    facts.push({
      path: pointer(tensor.path),
      dtype: tensor.dtype.name,
      shape: [...tensor.shape],
      stride: [...tensor.stride],
      sha256: createHash('sha256')
        .update(new Uint8Array(buffer, byteOffset, byteLength))
        .digest('hex'),
    });
  }
  return facts;
}

describe('what its own loader says of each container', () => {
  it.each(READ)('$file: kind and every tensor', async ({ file, kind, tensors }) => {
    const checkpoint = await openCheckpoint(`fixtures/containers/${file}`);
    expect(checkpoint.container.kind).toBe(kind);
    expect(checkpoint.damage).toEqual([]);
    const { checkpoint: loadable } = await loadableForm(checkpoint);
    expect(await described(loadable)).toEqual(tensors);
    await checkpoint.close();
  });
});

describe('a storage of a container', () => {
  it.each(READ)('$file: each has a key of its own and the bytes that it claims', async ({ file }) => {
    const checkpoint = await openCheckpoint(`fixtures/containers/${file}`);
    const { storages, storageOf, tensors } = checkpoint;
    expect(new Set(storages.map(({ key }) => key)).size).toBe(storages.length);
    for (const storage of storages) expect(storage.content?.length).toBeGreaterThanOrEqual(storage.bytes);
    const known = new Set(storages);
    for (const storage of storageOf.values()) expect(known.has(storage)).toBe(true);
    for (const { storage } of tensors) expect(storage && known.has(storage)).toBe(true);
    await checkpoint.close();
  });
});
