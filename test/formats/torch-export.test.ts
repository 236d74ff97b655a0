import { describe, expect, it } from 'vitest';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import type { MemorySource } from '../../src/io/byte-source.ts';
import { type Records, rezipped } from '../support/rezip.ts';

const FIXTURES = 'fixtures/containers';
const CONFIG = 'exported/data/weights/model_weights_config.json';

interface Described {
  path_name: unknown;
  is_param: boolean;
  use_pickle: boolean;
  tensor_meta: Record<string, unknown> | null;
}

/** The program of the fixture, after `change` had its way with the description of its weights. */
function changed(
  change: (config: Record<string, Described>, records: Records) => void,
): Promise<MemorySource> {
  return rezipped(`${FIXTURES}/exported.pt2`, (records) => {
    const text = Buffer.from(records.get(CONFIG) as Uint8Array).toString('utf8');
    const json = JSON.parse(text) as { config: Record<string, Described> };
    change(json.config, records);
    records.set(CONFIG, JSON.stringify(json));
  });
}

const meta = (config: Record<string, Described>) => config.embedding?.tensor_meta as Record<string, unknown>;

describe('a torch.export archive', () => {
  it.each([
    ['exported.pt2', 'torch 2.8 or newer'],
    ['exported_2_5.pt2', 'torch 2.1 to 2.7'],
  ])('%s: parameters, buffers, and what is not saved apart', async (file, era) => {
    const { container, tensors, loadable, close } = await openCheckpoint(`${FIXTURES}/${file}`);
    expect(container).toMatchObject({ kind: 'torch-export', era });
    const kinds = Object.fromEntries(tensors.map(({ name, kind }) => [name, kind]));
    expect(kinds['state_dict.embedding']).toBe('parameter');
    expect(kinds['state_dict.inner.norm.running_mean']).toBe('tensor');
    expect(kinds['constants.inner.unsaved']).toBe('tensor');
    expect((await loadable?.())?.notes.join(' ')).toContain('constants');
    await close();
  });

  it('keeps weights on one storage that the program shares', async () => {
    const { tensors, close } = await openCheckpoint(`${FIXTURES}/exported.pt2`);
    const storageOf = (name: string) => tensors.find((tensor) => tensor.name === name)?.storage;
    expect(storageOf('state_dict.again.weight')).toBe(storageOf('state_dict.inner.linear.weight'));
    await close();
  });

  it('knows the device that a weight was on', async () => {
    const source = await changed((config) => {
      meta(config).device = { type: 'cuda', index: 1 };
    });
    const { tensors } = await openSource(source);
    expect(tensors.find(({ name }) => name === 'state_dict.embedding')?.storage?.location).toBe('cuda:1');
  });

  it('tells a missing weight, and one that is too short, as damage', async () => {
    const missing = await changed((_config, records) => {
      records.delete('exported/data/weights/weight_0');
    });
    expect((await openSource(missing)).damage[0]).toMatchObject({ code: 'missing-record' });
    const short = await changed((_config, records) => {
      records.set('exported/data/weights/weight_0', new Uint8Array(4));
    });
    expect((await openSource(short)).damage).not.toEqual([]);
  });

  it.each<[string, (config: Record<string, Described>) => void]>([
    ['names no record', (config) => Object.assign(config.embedding as Described, { path_name: 3 })],
    ['has an unknown dtype', (config) => Object.assign(meta(config), { dtype: 999 })],
    ['has no sizes', (config) => Object.assign(meta(config), { sizes: 3 })],
    [
      'has sizes that are no numbers',
      (config) => Object.assign(meta(config), { sizes: [{ as_expr: 's0' }] }),
    ],
    ['has more strides than sizes', (config) => Object.assign(meta(config), { strides: [1, 1, 1] })],
    ['has a negative offset', (config) => Object.assign(meta(config), { storage_offset: { as_int: -1 } })],
    ['is a list', (config) => Object.assign(config, { embedding: [] })],
  ])('with a description that %s is refused', async (_what, change) => {
    await expect(openSource(await changed(change))).rejects.toMatchObject({ code: 'bad-archive' });
  });

  it('with a sparse weight is named', async () => {
    const source = await changed((config) => {
      meta(config).layout = 1;
    });
    await expect(openSource(source)).rejects.toMatchObject({ code: 'unsupported' });
  });
});
