import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planOutput } from '../../../src/fix/outputs/plan-output.ts';
import { openCheckpoint } from '../../../src/formats/open.ts';
import { RefusedError } from '../../../src/io/errors.ts';
import { parseStorageId } from '../../../src/torch/storage-id.ts';
import { contents, Forge } from '../../support/forge.ts';
import { writeAs } from './files.ts';

const open = (file: string) => openCheckpoint(`fixtures/${file}`);

describe('fix --to torch-legacy', () => {
  it('begins as every stream of torch.save did', async () => {
    const { bytes } = await writeAs('torch-legacy', await open('clean/state_dict.pth'));
    const theirs = readFileSync('fixtures/legacy/state_dict.pth');
    const length = theirs.indexOf('type_sizes') + 60;
    // magic number, version and facts about the machine, and the start of the object
    expect(bytes.subarray(0, length).equals(theirs.subarray(0, length))).toBe(true);
  });

  it('names storages by keys that stand sorted in the order of first use, and before each its number of elements', async () => {
    const forge = new Forge();
    const tensors = Array.from(
      { length: 12 },
      (_, i) => [`w${i}`, forge.tensor(...Array(i + 1).fill(i))] as const,
    );
    const { output, bytes } = await writeAs(
      'torch-legacy',
      forge.checkpoint(forge.dict(Object.fromEntries(tensors))),
    );
    const keys = output.storages.map(({ key }) => key);
    expect(keys).toEqual([...keys].sort());
    expect(keys[10]).toBe('10');
    for (const { fileOffset, numel } of output.storages)
      expect(bytes.readBigInt64LE((fileOffset as number) - 8)).toBe(BigInt(numel));
    const [persistent] = output.storageOf.keys();
    expect(parseStorageId(persistent?.id ?? null)).toMatchObject({ key: '00' });
    expect(persistent?.id).toMatchObject({
      items: expect.toSatisfy((items) => items.length === 6 && items[5] === null),
    });
  });

  it('gives the same bytes again from what it wrote, and the tensors again in an archive', async () => {
    const before = await contents(await open('clean/views.pth'));
    const first = await writeAs('torch-legacy', await open('clean/views.pth'));
    const second = await writeAs('torch-legacy', first.output);
    expect(second.bytes.equals(first.bytes)).toBe(true);
    const archive = await writeAs('torch', second.output);
    expect(await contents(archive.output)).toEqual(before);
  });

  it('says what it leaves out, and what it makes real', async () => {
    const { plan } = await writeAs('torch-legacy', await open('clean/conj_and_neg.pth'));
    expect(plan.notes).toEqual([
      expect.stringMatching(/^\d conjugated or negated views become the numbers that they stand for$/),
    ]);
  });

  it('refuses dtypes without a storage class, and names their tensors', async () => {
    const forge = new Forge();
    const storage = forge.storage(new Uint8Array(4), 'float8_e4m3fn');
    const root = forge.dict({ a: forge.tensor(1), b: forge.view(storage, { shape: [4] }) });
    const plan = planOutput(forge.checkpoint(root), [], 'torch-legacy');
    await expect(plan).rejects.toThrow(RefusedError);
    await expect(plan).rejects.toThrow(/torch-legacy has no storages for float8_e4m3fn \(b\)/);
  });
});
