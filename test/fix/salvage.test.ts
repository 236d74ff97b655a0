import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FixOptions, fixCheckpoint } from '../../src/fix/fix.ts';
import { salvage } from '../../src/fix/salvage.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { RefusedError } from '../../src/io/errors.ts';
import { PyList, PyTuple } from '../../src/pickle/values.ts';
import { contents, Forge } from '../support/forge.ts';
import { workshop } from './files.ts';
import { writeAs } from './outputs/files.ts';

const { copy, place } = workshop();

type Values = Record<string, readonly (number | bigint)[]>;

async function contentsOf(file: string): Promise<Values> {
  const checkpoint = await openCheckpoint(file);
  try {
    return await contents(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

/** A file of some bytes, in a folder of its own. */
function fileOf(bytes: Uint8Array, name = 'damaged.pth'): string {
  const file = path.join(place(), name);
  writeFileSync(file, bytes);
  return file;
}

/** What is saved of a file, written and read again; undefined where nothing is. */
async function saved(file: string, options: FixOptions = {}) {
  try {
    const result = await fixCheckpoint(file, { salvage: true, verify: 'full', force: true, ...options });
    return { result, values: await contentsOf(result.output) };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    expect(error.message).toMatch(/^nothing can be salvaged: [^\n]+$/);
    return undefined;
  }
}

describe('fix --salvage of a file that is cut short', () => {
  // an archive of torch 2.7 or newer, one of torch 1.13, whose storages stand in another order, one that was zipped anew, and a stream
  it.each([
    ['clean/state_dict.pth', 311],
    ['torch-1.13/storage_order.pth', 211],
    ['clean/rezipped_deflated.pth', 311],
    ['legacy/state_dict.pth', 211],
    ['legacy/views.pth', 13],
  ])(
    '%s: what is saved is what was there, and more bytes never save less',
    { timeout: 120_000 },
    async (fixture, step) => {
      const whole = readFileSync(`fixtures/${fixture}`);
      const expected = await contentsOf(`fixtures/${fixture}`);
      let before = 0;
      for (let length = step; length < whole.length; length += step) {
        const { values = {}, result } = (await saved(fileOf(whole.subarray(0, length)))) ?? {};
        for (const [name, elements] of Object.entries(values)) expect(elements).toEqual(expected[name]);
        const names = Object.keys(values);
        expect(names.length).toBeGreaterThanOrEqual(before);
        before = names.length;
        if (!result) continue;
        const lost = result.lost?.map(({ name }) => name) ?? [];
        expect([...names, ...lost].sort()).toEqual(Object.keys(expected).sort());
      }
      expect(before).toBeGreaterThan(0);
    },
  );

  it('says so where the file is one tensor, and that is cut', async () => {
    const whole = readFileSync('fixtures/clean/bare_tensor.pt');
    const { storages, close } = await openCheckpoint('fixtures/clean/bare_tensor.pt');
    const { fileOffset, bytes } = storages[0] as { fileOffset: number; bytes: number };
    await close();
    const cut = fileOf(whole.subarray(0, fileOffset + bytes - 4), 'bare_tensor.pt');
    expect(await saved(cut)).toBeUndefined();
  });

  it('lists what is lost, with its bytes', async () => {
    const found = await saved(copy('damaged/truncated_in_storage.pth'));
    expect(found?.result.plan.operations[0]).toMatchObject({
      name: 'salvage',
      affected: 6,
      noun: 'of 14 tensors saved',
      notes: [expect.stringMatching(/^lost: conv2\.weight, .* and fc\.bias \(2\.8 kB\)$/)],
    });
    expect(found?.result.lost?.[0]).toEqual({ name: 'conv2.weight', bytes: 2304 });
    expect(found?.result.findingsAfter).toEqual([]);
  });

  it('carries other steps out on what is saved, and writes it in any form', async () => {
    const found = await saved(copy('damaged/truncated_in_storage.pth'), {
      to: 'safetensors',
      addPrefix: 'net.',
      dtype: 'float16',
    });
    expect(found?.result.plan.operations.map(({ name }) => name)).toEqual([
      'salvage',
      'add-prefix net.',
      'dtype float16',
      'to safetensors',
    ]);
    expect(Object.keys(found?.values ?? {})).toContain('net.conv1.weight');
  });

  it('writes nothing in a dry run', async () => {
    const input = copy('damaged/truncated_in_storage.pth');
    const result = await fixCheckpoint(input, { salvage: true, dryRun: true });
    expect(result).toMatchObject({ verified: false, lost: { length: 8 } });
  });
});

describe('fix --salvage', () => {
  it.each([
    'damaged/directory_damaged.pth',
    'damaged/directory_offset_wrong.pth',
    'damaged/no_end_record.pth',
    'damaged/pickle_missing.pth',
    'damaged/record_missing.pth',
    'damaged/record_short.pth',
    'archives/zip64_missing.pth',
  ])('goes by the local headers where the directory is what is damaged: %s', async (fixture) => {
    const found = await saved(copy(fixture));
    expect(found?.result.lost).toEqual([]);
    expect(found?.values).toEqual(await contentsOf('fixtures/clean/state_dict.pth'));
  });

  it.each([
    ['damaged/truncated_in_pickle.pth', /pickle ends at byte 633/],
    ['damaged/pickle_bogus_opcode.pth', /opcode 0xfe/],
    ['damaged/legacy_elements.pth', /says 3 elements, its pickle 2/],
  ])('says why nothing of %s can be salvaged', async (fixture, words) => {
    await expect(salvage(copy(fixture))).rejects.toThrow(RefusedError);
    await expect(salvage(copy(fixture))).rejects.toThrow(words);
  });

  it('leaves a file that is whole as it is', async () => {
    const found = await saved(copy('clean/state_dict.pth'));
    expect(found?.result.plan.operations[0]?.notes).toEqual(['every tensor is whole: nothing is lost']);
    expect(found?.values).toEqual(await contentsOf('fixtures/clean/state_dict.pth'));
  });

  it('keeps the tensors before the cut of a storage, and leaves None in lists and tuples', async () => {
    const forge = new Forge();
    const storage = forge.floats(...Array.from({ length: 10 }, (_, i) => i));
    const part = (storageOffset: number) => forge.view(storage, { shape: [5], storageOffset });
    const other = forge.tensor(1);
    const root = forge.dict({
      list: new PyList([part(0), part(5)]),
      tuple: new PyTuple([part(3), other]),
      both: forge.dict({ first: part(0), second: part(5) }),
    });
    const { bytes } = await writeAs('torch-legacy', forge.checkpoint(root));
    // the storage of ten comes first; of the one behind it the number of elements and all bytes are gone, of this the last four
    const found = await saved(fileOf(bytes.subarray(0, bytes.length - 12 - 4 * 2)));
    expect(found?.values).toEqual({
      'list.0': [0, 1, 2, 3, 4],
      'tuple.0': [3, 4, 5, 6, 7],
      'both.first': [0, 1, 2, 3, 4],
    });
    expect(found?.result.lost).toEqual([
      { name: 'list.1', bytes: 20 },
      { name: 'tuple.1', bytes: 4 },
      { name: 'both.second', bytes: 20 },
    ]);
    expect(found?.result.plan.operations[0]?.notes.at(-1)).toBe('2 places in lists and tuples hold None now');
    const after = await openCheckpoint(found?.result.output as string);
    expect(after.storages.map(({ bytes }) => bytes)).toEqual([32]);
    expect(after.root).toMatchObject({
      values: [{ items: [{}, null] }, { items: [{}, null] }, { keys: ['first'] }],
    });
    await after.close();
  });

  it('saves what the shards hold that are there, and tells of the others', async () => {
    const folder = place();
    const output = path.join(folder, 'model.safetensors');
    const { files } = await fixCheckpoint(copy('clean/state_dict.pth'), {
      to: 'safetensors',
      shardSize: 1500,
      output,
    });
    const second = readFileSync(files[1] as string);
    writeFileSync(files[1] as string, second.subarray(0, second.length - 100));
    const index = files.at(-1) as string;
    await expect(fixCheckpoint(index, { to: 'torch' })).rejects.toThrow(/cut short/);
    const found = await saved(index, { output: path.join(place(), 'saved.pth') });
    expect(found?.result.lost).toEqual([{ name: 'conv2.weight', bytes: 2304 }]);
    expect(found?.result.plan.operations[0]?.notes.join()).toMatch(/0 of 1 tensors are whole/);
  });

  it('does not save a file that runs code when it is loaded, cut or whole', async () => {
    const forge = new Forge();
    const root = forge.dict({
      a: forge.tensor(1, 2),
      b: forge.call('os.system', 'no-such-command'),
      c: forge.tensor(3),
    });
    const { bytes } = await writeAs('torch', forge.checkpoint(root));
    for (const each of [fileOf(bytes), fileOf(bytes.subarray(0, bytes.length - 400))]) {
      await expect(fixCheckpoint(each, { salvage: true })).rejects.toThrow(
        /the file would run code when it is loaded \(safety\/dangerous-call/,
      );
    }
  });

  it('names itself where a fix meets damage', async () => {
    await expect(fixCheckpoint(copy('damaged/no_end_record.pth'), { mapLocation: 'cpu' })).rejects.toThrow(
      /; fix --salvage writes what is whole$/,
    );
    await expect(
      fixCheckpoint(copy('damaged/truncated_in_pickle.pth'), { mapLocation: 'cpu' }),
    ).rejects.not.toThrow(/--salvage/);
  });

  it('law: bytes that change anywhere never bring another tensor than there was', () => {
    const whole = readFileSync('fixtures/damaged/no_end_record.pth');
    const names = contentsOf('fixtures/clean/state_dict.pth').then(Object.keys);
    return fc.assert(
      fc.asyncProperty(
        fc.nat({ max: whole.length - 1 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: whole.length }),
        async (at, value, length) => {
          const bytes = Buffer.from(whole.subarray(0, length));
          if (at < length) bytes[at] = value;
          const found = await saved(fileOf(bytes)).catch((error: unknown) => {
            // what is no archive any more is told as what it is
            expect((error as Error).name).toBe('UnreadableError');
            return undefined;
          });
          expect(Object.keys(found?.values ?? {}).length).toBeLessThanOrEqual((await names).length);
        },
      ),
      { numRuns: 60 },
    );
  });
});
