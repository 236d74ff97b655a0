import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { entriesOf, lookup } from '../../src/pickle/values.ts';
import { rezipped, zipped } from '../support/rezip.ts';

const FIXTURES = 'fixtures/containers';

/** An archive of TorchScript before torch 1.4, of the given description. */
function described(model: unknown, records: Record<string, Uint8Array> = {}): Promise<MemorySource> {
  return zipped(
    new Map<string, Uint8Array | string>([
      ['net/version', '1\n'],
      ['net/model.json', typeof model === 'string' ? model : JSON.stringify(model)],
      ...Object.entries(records).map(([name, bytes]) => [`net/${name}`, bytes] as const),
    ]),
  );
}

/** A fixture without some of its records. */
function without(file: string, dropped: RegExp): Promise<MemorySource> {
  return rezipped(`${FIXTURES}/${file}`, (records) => {
    for (const name of [...records.keys()]) if (dropped.test(name)) records.delete(name);
  });
}

async function stateDictOf(source: MemorySource): Promise<{ keys: unknown[]; notes: readonly string[] }> {
  const { loadable } = await openSource(source);
  const { root, notes } = (await loadable?.()) ?? { root: null, notes: [] };
  return { keys: entriesOf(root)?.keys ?? [], notes };
}

describe('a TorchScript archive', () => {
  it.each([
    ['scripted.pt', 'torch 2.1 or newer, archive version 3'],
    ['lite.ptl', 'torch 2.1 or newer, archive version 3, with bytecode for the lite interpreter'],
    ['model_json.pt', 'torch 1.1, archive version 3'],
  ])('%s tells who wrote it', async (file, era) => {
    const { container, close } = await openCheckpoint(`${FIXTURES}/${file}`);
    expect(container).toMatchObject({ kind: 'torchscript', era });
    await close();
  });

  it('lists every tensor where it stands, also those that no state_dict has', async () => {
    const { tensors, close } = await openCheckpoint(`${FIXTURES}/scripted.pt`);
    const names = tensors.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['embedding', 'inner.plain', 'inner.unsaved', 'again.weight']),
    );
    await close();
  });

  it('counts the constants of a frozen module, which have no names', async () => {
    const { annotations, loadable, tensors, close } = await openCheckpoint(`${FIXTURES}/frozen.pt`);
    const constants = annotations && lookup(annotations, 'constants');
    expect(tensors).toEqual([]);
    expect(constants && [lookup(constants, 'tensors'), lookup(constants, 'bytes')]).toEqual([2, 32]);
    expect((await loadable?.())?.notes.join(' ')).toContain('frozen');
    await close();
  });

  it('shows the scales of a quantized weight where torch keeps them', async () => {
    const { tensors, close } = await openCheckpoint(`${FIXTURES}/quantized.pt`);
    expect(tensors.map(({ name, kind }) => [name, kind])).toEqual([
      ['0._packed_params._packed_params.@state.0', 'quantized'],
      ['0._packed_params._packed_params.@state.1', 'tensor'],
    ]);
    await close();
  });

  it('tells a missing record as damage', async () => {
    const { damage } = await openSource(await without('scripted.pt', /\/data\/2$/));
    expect(damage).toEqual([expect.objectContaining({ code: 'missing-record' })]);
  });

  it('is refused where nothing describes the modules', async () => {
    await expect(openSource(await without('scripted.pt', /\/data\.pkl$/))).rejects.toMatchObject({
      code: 'missing-record',
    });
  });
});

describe('the state_dict of a TorchScript module', () => {
  it('has parameters and buffers as the code declares them', async () => {
    const { keys, notes } = await stateDictOf(new MemorySource(readFileSync(`${FIXTURES}/scripted.pt`)));
    expect(keys).toContain('inner.unsaved');
    expect(keys).not.toContain('inner.plain');
    expect(notes).toContainEqual(
      expect.stringContaining('1 tensors that are neither parameters nor buffers'),
    );
  });

  it('has what a module keeps by a __getstate__ of its own, as quantized layers of torch before 1.8 did', async () => {
    const archive = await rezipped(`${FIXTURES}/quantized.pt`, (records) => {
      const name = [...records.keys()].find((each) => each.endsWith('/data.pkl')) as string;
      const stream = Buffer.from(records.get(name) as Uint8Array).toString('latin1');
      expect(stream).toContain('__torch__.torch.classes.');
      records.set(
        name,
        Buffer.from(stream.replaceAll('__torch__.torch.classes.', '__torch__.torch.modules.'), 'latin1'),
      );
    });
    expect((await stateDictOf(archive)).keys).toEqual(['0._packed_params._packed_params']);
  });

  it('has every tensor where the code is lost', async () => {
    const { keys } = await stateDictOf(await without('scripted.pt', /\/code\//));
    expect(keys).toEqual(expect.arrayContaining(['inner.plain', 'inner.unsaved', 'embedding']));
  });
});

describe('a model.json', () => {
  const tensor = {
    dims: ['2'],
    strides: ['1'],
    dataType: 'FLOAT',
    data: { key: 'tensors/0' },
    device: 'cuda:0',
  };
  const bytes = new Uint8Array(8);
  const withTensor = (module: object) =>
    described({ mainModule: module, tensors: [tensor] }, { 'tensors/0': bytes });

  it('describes modules, their tensors and where these were', async () => {
    const { tensors, storages } = await openSource(
      await withTensor({
        parameters: [{ name: 'w', tensorId: '0' }],
        submodules: [{ name: 'child', parameters: [{ name: 'w', tensorId: '0' }] }],
      }),
    );
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['w', [2]],
      ['child.w', [2]],
    ]);
    // one record is one storage
    expect(storages.map(({ location, bytes: size }) => [location, size])).toEqual([['cuda:0', 8]]);
  });

  it('tells a missing record as damage', async () => {
    const { damage } = await openSource(await described({ mainModule: {}, tensors: [tensor] }));
    expect(damage).toEqual([expect.objectContaining({ code: 'missing-record' })]);
  });

  const deep = () => {
    let module: object = {};
    for (let i = 0; i < 300; i++) module = { submodules: [{ name: 'm', ...module }] };
    return module;
  };
  it.each<[string, unknown]>([
    ['is no JSON', '{'],
    ['is a list', []],
    ['has no module', { tensors: [] }],
    ['points to a tensor that is not there', { mainModule: { parameters: [{ name: 'w', tensorId: '4' }] } }],
    ['has a negative size', { mainModule: {}, tensors: [{ ...tensor, dims: ['-1'] }] }],
    ['has a size that is text', { mainModule: {}, tensors: [{ ...tensor, dims: ['many'] }] }],
    ['has a dtype that nobody knows', { mainModule: {}, tensors: [{ ...tensor, dataType: 'STRING' }] }],
    ['nests modules without end', { mainModule: deep() }],
  ])('that %s is refused', async (_what, model) => {
    await expect(openSource(await described(model))).rejects.toMatchObject({ code: 'bad-archive' });
  });
});
