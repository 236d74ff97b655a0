import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Path } from '../../src/checkpoint/path.ts';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { UnreadableError } from '../../src/io/errors.ts';

/** A tensor as torch 2.13 says that it is; what torch can't tell of its kind is left out. */
interface ExpectedTensor {
  path: string;
  kind: Tensor['kind'];
  dtype: string;
  requiresGrad: boolean;
  shape?: number[];
  stride?: number[];
  storageOffset?: number;
  conj?: true;
  neg?: true;
  sha256?: string;
}

interface Expected {
  /** Rules that speak of the file. */
  findings: string[];
  file: string;
  plain: string;
  locations?: Record<string, number> | null;
  tensors?: ExpectedTensor[];
}

const FILES: Expected[] = JSON.parse(readFileSync('fixtures/expected.json', 'utf8')).files;
// numpy arrays that torch would make tensors of: they are listed, and have no storage to read
const ARRAYS = 'broken/xla_arrays.pth';
const LOADED = FILES.filter(({ file, tensors }) => tensors && !file.startsWith('foreign/'));
// torch reads every local header; we find the content without them, and that one is whole
const READ_ALL_THE_SAME = 'damaged/local_header_damaged.pth';
// storages that view another are gone in what we read: their tensors stand on the other, further on
const VIEWED = ['legacy/storage_views.pth', 'tar/state_dict.tar'];
// what torch.load refuses by its kind alone
const OTHER_CONTAINERS = ['foreign/safetensors.pth', 'foreign/torchscript.pth'];
const UNREADABLE = FILES.filter(
  ({ file, plain }) =>
    (file.startsWith('foreign/') && !OTHER_CONTAINERS.includes(file)) ||
    (file.startsWith('damaged/') && plain !== 'ok' && file !== READ_ALL_THE_SAME),
);

function pointer(path: Path): string {
  return path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

async function described(tensor: Tensor, asked: ExpectedTensor): Promise<ExpectedTensor> {
  const facts: ExpectedTensor = {
    path: pointer(tensor.path),
    kind: tensor.kind,
    dtype: tensor.dtype.name,
    requiresGrad: tensor.requiresGrad,
  };
  if (asked.shape) facts.shape = [...tensor.shape];
  if (asked.stride) facts.stride = [...tensor.stride];
  if (asked.storageOffset !== undefined) facts.storageOffset = tensor.storageOffset;
  if (tensor.conj) facts.conj = true;
  if (tensor.neg) facts.neg = true;
  if (asked.sha256) {
    const elements = await readTensor(tensor);
    facts.sha256 = createHash('sha256')
      .update(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength))
      .digest('hex');
  }
  return facts;
}

describe('what torch says of each fixture', () => {
  it.each(LOADED)('$file: every tensor', async ({ file, tensors = [] }) => {
    const checkpoint = await openCheckpoint(`fixtures/${file}`);
    const byPath = new Map(checkpoint.tensors.map((tensor) => [pointer(tensor.path), tensor]));
    for (const expected of tensors) {
      const tensor = byPath.get(expected.path);
      expect(tensor, `no tensor at ${expected.path}`).toBeDefined();
      const { sha256, ...seen } = expected;
      if (file === ARRAYS) {
        expect(await described(tensor as Tensor, seen)).toEqual({ storageOffset: 0, ...seen });
        await expect(readTensor(tensor as Tensor)).rejects.toThrow('fix --safe gives it a storage');
        continue;
      }
      const facts = await described(tensor as Tensor, expected);
      const { storageOffset = 0 } = expected;
      if (VIEWED.includes(file)) {
        expect(facts.storageOffset ?? 0).toBeGreaterThanOrEqual(storageOffset);
        facts.storageOffset = storageOffset;
      }
      expect(facts).toEqual(expected);
    }
    await checkpoint.close();
  });

  // the attributes of a pickled module are no entries of a dict or list, which is all that torch was asked to list
  const DICTS = LOADED.filter(({ findings }) => !findings.includes('content/whole-module'));
  it.each(DICTS)('$file: no tensor that torch does not list', async ({ file, tensors = [] }) => {
    const checkpoint = await openCheckpoint(`fixtures/${file}`);
    const listed = new Set(tensors.map(({ path }) => path));
    // the parts of what is made of several tensors are listed below it
    const wholes = tensors
      .filter(({ kind }) => /sparse|nested|subclass|quantized/.test(kind))
      .map(({ path }) => `${path}/`);
    const extra = checkpoint.tensors
      .map(({ path }) => pointer(path))
      .filter((path) => !listed.has(path) && !wholes.some((whole) => path.startsWith(whole)));
    expect(extra).toEqual([]);
    await checkpoint.close();
  });

  it.each(LOADED.filter(({ file, locations }) => locations && !VIEWED.includes(file)))(
    '$file: locations of its storages',
    async ({ file, locations }) => {
      const checkpoint = await openCheckpoint(`fixtures/${file}`);
      const counts: Record<string, number> = {};
      for (const { location } of checkpoint.storages) counts[location] = (counts[location] ?? 0) + 1;
      expect(counts).toEqual(locations);
      await checkpoint.close();
    },
  );
});

describe('files that torch can not read', () => {
  it.each(UNREADABLE)('$file is one clear line', async ({ file }) => {
    const failure = await readAll(`fixtures/${file}`).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(UnreadableError);
    expect((failure as UnreadableError).message).toMatch(/^[^\n]{20,300}$/);
  });
});

describe('a damaged file that loses nothing', () => {
  it('is read although torch refuses it', async () => {
    await expect(readAll(`fixtures/${READ_ALL_THE_SAME}`)).resolves.toBe(14);
  });
});

/** Opens a file and reads every tensor, as a record that is missing or short shows when its bytes are asked for; tells how many. */
async function readAll(file: string): Promise<number> {
  const checkpoint = await openCheckpoint(file);
  try {
    for (const tensor of checkpoint.tensors) await readTensor(tensor);
    return checkpoint.tensors.length;
  } finally {
    await checkpoint.close();
  }
}
