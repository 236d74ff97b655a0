import { describe, expect, it } from 'vitest';
import { recordCensus, storageCensus, tensorCensus } from '../../src/diagnose/census.ts';
import { checkpoint, storage, tensor } from '../report/sample.ts';

describe('the census', () => {
  it('tells of the storages that stand out', () => {
    const plain = storage('0', { numel: 4 });
    const odd = { ...storage('1', { numel: 4 }), fileOffset: 70, location: 'cuda:0', dtype: plain.dtype };
    const bare = { ...storage('2', { numel: 4 }), content: undefined, dtype: undefined };
    const storages = [plain, odd, plain, bare];
    const census = storageCensus({ storages });
    expect([...census.locations]).toEqual([plain.location, 'cuda:0']);
    expect(census.misaligned).toEqual([odd]);
    expect(census.untyped).toEqual([bare]);
    expect(census.unfit).toContain(bare);
  });

  it('tells of the tensors that stand out, also by their parts', () => {
    const meta = tensor('m', [2], { kind: 'meta', storage: undefined });
    const sparse = tensor('s', [2], { kind: 'sparse', storage: undefined, parts: [meta] });
    const lazy = { ...tensor('l', [2], { dtype: 'complex64' }), conj: true };
    const { tensors } = checkpoint([tensor('a', [2]), meta, sparse, lazy]);
    expect(tensorCensus({ tensors })).toEqual({
      dtypes: new Set(['float32', 'complex64']),
      meta: [meta, sparse],
      lazy: [lazy],
    });
  });

  it('tells of the records that stand out', () => {
    const record = (name: string, more = {}) => ({
      ...{ name, outsideRoot: false, size: 8, storedSize: 8, method: 0, crc32: 1, dataOffset: 0 },
      ...more,
    });
    const [pickle, folder] = [record('data.pkl', { method: 8 }), record('data/')];
    const [beside, unsummed] = [record('x/1', { outsideRoot: true }), record('data/2', { crc32: 0 })];
    const empty = record('data/3', { size: 0, crc32: 0, method: 8 });
    const records = [pickle, record('data/0'), folder, beside, unsummed, empty];
    expect(recordCensus({ records })).toEqual({
      outside: [beside],
      named: [pickle, folder, beside],
      deflated: [pickle],
      unsummed: [unsummed],
    });
  });
});
