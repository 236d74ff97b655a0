import { describe, expect, it } from 'vitest';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { entriesOf } from '../../src/pickle/values.ts';
import { type Records, recordsOf, rezipped } from '../support/rezip.ts';

const FIXTURE = 'fixtures/containers/package.pt';

const changed = (change: (records: Records) => void) => rezipped(FIXTURE, change);

describe('a torch.package archive', () => {
  it('is the object that it holds, and its state_dict can be loaded', async () => {
    const { container, tensors, loadable, close } = await openCheckpoint(FIXTURE);
    expect(container).toMatchObject({ kind: 'torch-package', pickleProtocol: 3, root: 'package' });
    expect(tensors.map(({ name }) => name)).toContain('_modules.1._buffers.running_mean');
    const root = (await loadable?.())?.root ?? null;
    expect(entriesOf(root)?.keys).toEqual([
      '0.weight',
      '0.bias',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '1.num_batches_tracked',
    ]);
    await close();
  });

  it('with several objects is a dict of them by their records', async () => {
    const source = await changed((records) => {
      records.set('package/model/twin.pkl', records.get('package/model/model.pkl') as Uint8Array);
    });
    const { root, loadable } = await openSource(source);
    expect(entriesOf(root)?.keys).toEqual(['model/model.pkl', 'model/twin.pkl']);
    const loaded = (await loadable?.())?.root ?? null;
    const twins = entriesOf(loaded)?.values.map((value) => entriesOf(value)?.keys.length);
    expect(twins).toEqual([7, 7]);
  });

  it('of code alone is named', async () => {
    const source = await changed((records) => {
      records.delete('package/model/model.pkl');
    });
    await expect(openSource(source)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('torch.package'),
    });
  });

  it('tells a missing storage as damage', async () => {
    const source = await changed((records) => {
      records.delete('package/.data/0.storage');
    });
    expect((await openSource(source)).damage).toEqual([expect.objectContaining({ code: 'missing-record' })]);
  });

  it('is what torch.load takes it for where a data.pkl stands in its folder', async () => {
    const other = await recordsOf('fixtures/clean/empty_dict.pt');
    const source = await changed((records) => {
      records.set('package/data.pkl', other.get('empty_dict/data.pkl') as Uint8Array);
    });
    expect((await openSource(source)).container.kind).toBe('torch-zip');
  });
});
