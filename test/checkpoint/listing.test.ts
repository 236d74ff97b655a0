import { describe, expect, it } from 'vitest';
import { listTensors } from '../../src/checkpoint/listing.ts';
import type { Storage } from '../../src/checkpoint/storage.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { PyDict, PyList, PyObject, type PyPersistent, PyTuple, type Value } from '../../src/pickle/values.ts';
import { call, dict, global, plain, tuple } from '../torch-forms/build.ts';

const names = (root: Value) => listTensors(root, new Map()).tensors.map(({ name }) => name);

describe('listTensors', () => {
  it('lists in the order of the stream, by keys, indexes and attributes', () => {
    const module = call('my.Net');
    module.effects = [{ op: 'build', state: dict({ weight: plain() }) }];
    const ordered = call('collections.OrderedDict');
    ordered.effects = [
      { op: 'set', keys: ['a', 0], values: [plain(), plain()] },
      { op: 'build', state: dict({ extra: plain() }) },
    ];
    const root = new PyList([dict({ net: module }), ordered, tuple(plain(), 1)]);
    expect(names(root)).toEqual(['0.net.weight', '1.a', '1.0', '1.@extra', '2.0']);
    expect(names(plain())).toEqual(['']);
  });

  it('lists a tensor at every place, with the same node', () => {
    const tied = plain();
    const { tensors } = listTensors(dict({ a: tied, b: new PyList([tied]) }), new Map());
    expect(tensors.map(({ name }) => name)).toEqual(['a', 'b.0']);
    expect(tensors[0]?.node).toBe(tensors[1]?.node);
  });

  it('does not enter what it stands in', () => {
    const list = new PyList([plain()]);
    list.items.push(list, dict({ again: list }));
    expect(names(list)).toEqual(['0']);
  });

  it('counts elements and bytes, and finds storages', () => {
    const tensor = plain([4, 5]);
    const persistent = (tensor.args as PyTuple).items[0] as PyPersistent;
    const storage = { key: '0' } as Storage;
    const { tensors } = listTensors(tensor, new Map([[persistent, storage]]));
    expect(tensors[0]).toMatchObject({ elements: 20, bytes: 80, storage, parts: [] });
  });

  it('gives parts their own places, and their bytes to what is made of them', () => {
    const sparse = call(
      'torch._utils._rebuild_sparse_tensor',
      global('torch.sparse_coo'),
      tuple(plain([2, 4], 'torch.LongStorage'), plain([4]), tuple(9, 9)),
    );
    const { tensors } = listTensors(dict({ s: sparse }), new Map());
    expect(tensors).toHaveLength(1);
    expect(tensors[0]).toMatchObject({ kind: 'sparse', elements: 81, bytes: 80 });
    expect(tensors[0]?.parts.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['s.<part 0>', 64],
      ['s.<part 1>', 16],
    ]);
  });

  it('takes no bytes from a meta tensor', () => {
    const meta = call(
      'torch._utils._rebuild_meta_tensor_no_storage',
      global('torch.float32'),
      tuple(5),
      tuple(1),
      false,
    );
    expect(listTensors(meta, new Map()).tensors[0]).toMatchObject({ kind: 'meta', elements: 5, bytes: 0 });
  });
});

describe('a listing without end', () => {
  /** Lists that hold the one before several times: 2^levels places of few objects. */
  function unfolding(inner: Value, levels: number): Value {
    let value = inner;
    for (let i = 0; i < levels; i++) value = new PyList([value, value]);
    return value;
  }
  function nested(inner: Value, levels: number): Value {
    let value = inner;
    for (let i = 0; i < levels; i++) value = new PyList([value]);
    return value;
  }
  /** Characters of the names and bytes of the paths. */
  const textOf = (tensors: readonly Tensor[]) =>
    tensors.reduce((sum, { name, path }) => sum + name.length + 8 * path.length, 0);
  const OMISSION = [expect.stringMatching(/^values stand at more than 2000000 places/)];
  const TOO_MUCH_TEXT = [expect.stringMatching(/^tensors and the paths to them take more than 128 MiB/)];

  it('costs nothing where no tensor is in it', () => {
    expect(listTensors(unfolding(new PyDict(['a'], [1]), 60), new Map())).toEqual({
      tensors: [],
      omissions: [],
    });
  });

  it.each([
    ['in lists', unfolding(plain([]), 60)],
    ['in lists, under a long name', new PyDict(['k'.repeat(10_000)], [unfolding(plain([]), 60)])],
    ['in lists, deep down', nested(unfolding(plain([]), 60), 1000)],
  ])('ends where one tensor stands at many places %s, and says so', (_where, root) => {
    const { tensors, omissions } = listTensors(root, new Map());
    expect(tensors.length).toBeGreaterThan(1000);
    expect(textOf(tensors)).toBeLessThan(170_000_000);
    expect(omissions).toEqual(TOO_MUCH_TEXT);
  });

  it.each([
    ['a long name', (root: Value) => new PyDict(['k'.repeat(10_000)], [root])],
    ['many lists', (root: Value) => nested(root, 5_000)],
  ])('ends where many tensors stand under %s, and says so', (_what, under) => {
    const made = plain([]);
    // a few bytes of the stream each, as the memo has what they are made from
    const many = Array.from({ length: 30_000 }, () => new PyObject('reduce', made.callable, made.args));
    const { tensors, omissions } = listTensors(under(new PyList(many)), new Map());
    expect(tensors.length).toBeGreaterThan(1000);
    expect(textOf(tensors)).toBeLessThan(170_000_000);
    expect(omissions).toEqual(TOO_MUCH_TEXT);
  });

  it('names few tensors by names that are too long to be hashed: whoever keeps them in a map compares them all', () => {
    const root = new PyDict(['k'.repeat(20_000)], [unfolding(plain([]), 60)]);
    const { tensors, omissions } = listTensors(root, new Map());
    expect(tensors.length).toBeLessThan(500);
    expect(omissions).toEqual(TOO_MUCH_TEXT);
  });

  it('lists all of a large model that stands there three times', () => {
    const model = new PyDict(
      Array.from({ length: 100_000 }, (_, i) => `encoder.layers.${i}.attention.query.weight`),
      Array.from({ length: 100_000 }, () => plain([])),
    );
    const root = new PyDict(['model', 'average', 'best'], [model, model, model]);
    const { tensors, omissions } = listTensors(root, new Map());
    expect(tensors).toHaveLength(300_000);
    expect(omissions).toEqual([]);
  });

  it('ends where wide containers stand at many places', { timeout: 60_000 }, () => {
    const wide = new PyList([plain([]), ...Array.from({ length: 500_000 }, (_, i) => i)]);
    const { tensors, omissions } = listTensors(unfolding(wide, 40), new Map());
    expect(tensors.length).toBeLessThan(1000);
    expect(omissions).toEqual(OMISSION);
  });

  it('makes the parts of a tensor once, however often it stands there', () => {
    const made = call(
      'torch._utils._rebuild_qtensor',
      ...(plain([2]).args as PyTuple).items.slice(0, 4),
      new PyTuple([global('torch.per_channel_affine'), ...Array.from({ length: 100 }, () => plain([]))]),
    );
    const { tensors } = listTensors(unfolding(made, 12), new Map());
    expect(tensors).toHaveLength(4096);
    expect(new Set(tensors.map(({ parts }) => parts)).size).toBe(1);
    expect(tensors[0]?.parts).toHaveLength(100);
  });

  it('reads tensors that are made of tensors that are made of tensors', () => {
    const sparse = (inner: Value): Value =>
      call('torch._utils._rebuild_sparse_tensor', global('torch.sparse_coo'), tuple(inner, inner, tuple(1)));
    let value: Value = plain([1]);
    for (let i = 0; i < 4; i++) value = sparse(value);
    const [tensor] = listTensors(value, new Map()).tensors;
    expect(tensor).toMatchObject({ kind: 'sparse' });
  });
});
