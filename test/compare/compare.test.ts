import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { type CompareOptions, compareCheckpoints } from '../../src/compare/compare.ts';
import { type Comparison, hasChanged, isSame } from '../../src/compare/comparison.ts';
import { PyFloat, PyList, type Value } from '../../src/pickle/values.ts';
import { checkpointOf, dict, tensor } from '../support/checkpoint-builder.ts';
import { Forge } from '../support/forge.ts';

const compare = (a: Value, b: Value, options?: CompareOptions): Promise<Comparison> =>
  compareCheckpoints(checkpointOf(a), checkpointOf(b), options);

const names = (tensors: readonly { readonly name: string }[]): string[] => tensors.map(({ name }) => name);
const renamed = ({ pairs }: Comparison): string[][] =>
  pairs.flatMap(({ a, b, renamedBy }) => (renamedBy ? [[a.name, b.name, renamedBy]] : []));

describe('the names of two checkpoints', () => {
  it('tells what is gone and what is new', async () => {
    const comparison = await compare(
      dict({ 'fc.weight': tensor({ shape: [2] }), gone: tensor({ shape: [5] }) }),
      dict({ 'fc.weight': tensor({ shape: [2] }), 'x.new': tensor({ shape: [7] }) }),
    );
    expect(names(comparison.removed)).toEqual(['gone']);
    expect(names(comparison.added)).toEqual(['x.new']);
    expect(comparison.pairs).toHaveLength(1);
    expect(isSame(comparison)).toBe(false);
  });

  it('finds what wrappers renamed, in the order of a', async () => {
    const comparison = await compare(
      dict({ 'module.b.weight': tensor(), 'module.a._orig_mod.weight': tensor() }),
      dict({ 'a.weight': tensor(), 'b.weight': tensor() }),
    );
    expect(renamed(comparison)).toEqual([
      ['module.b.weight', 'b.weight', 'wrapper'],
      ['module.a._orig_mod.weight', 'a.weight', 'wrapper'],
    ]);
    expect(isSame(comparison)).toBe(false);
  });

  it('finds a prefix that was exchanged, also in the middle of a name', async () => {
    const side = (prefix: string) =>
      dict(
        Object.fromEntries(
          ['0.q.weight', '0.q.bias', '1.q.weight', '1.q.bias'].map((name) => [`${prefix}.${name}`, tensor()]),
        ),
      );
    const comparison = await compare(side('model.layers'), side('encoder.blocks'));
    expect(renamed(comparison)).toHaveLength(4);
    expect(renamed(comparison)[2]).toEqual([
      'model.layers.1.q.weight',
      'encoder.blocks.1.q.weight',
      'prefix',
    ]);
  });

  it('takes no two tensors for one by a prefix that one name alone speaks for, or where shapes differ', async () => {
    const one = await compare(
      dict({ same: tensor(), 'head.weight': tensor(), x: tensor({ shape: [9] }) }),
      dict({ same: tensor(), 'classifier.weight': tensor(), y: tensor({ shape: [8] }) }),
    );
    expect(names(one.removed)).toEqual(['head.weight', 'x']);
    const shapes = await compare(
      dict({ 'head.weight': tensor({ shape: [2] }), 'head.bias': tensor({ shape: [3] }) }),
      dict({ 'fc.weight': tensor({ shape: [4] }), 'fc.bias': tensor({ shape: [5] }) }),
    );
    expect(names(shapes.removed)).toEqual(['head.weight', 'head.bias']);
  });

  it('compares the state_dict where one side keeps it among other things, and says so', async () => {
    const comparison = await compare(
      dict({
        state_dict: dict({ 'fc.weight': tensor() }),
        optimizer: dict({ state: dict({ exp_avg: tensor() }), param_groups: new PyList() }),
        epoch: 3,
      }),
      dict({ 'fc.weight': tensor() }),
    );
    expect(isSame(comparison)).toBe(true);
    expect(comparison.a).toMatchObject({ part: 'state_dict', tensors: 1 });
    expect(comparison.notes).toEqual([
      'Of a, state_dict is compared, and not what stands beside it (1 tensor).',
    ]);
  });

  it('compares all of two training checkpoints', async () => {
    const side = (epoch: number) => dict({ state_dict: dict({ 'fc.weight': tensor() }), epoch });
    const comparison = await compare(side(1), side(2));
    expect(names(comparison.pairs.map(({ a }) => a))).toEqual(['state_dict.fc.weight']);
    expect(comparison.values).toEqual([{ name: 'epoch', a: '1', b: '2' }]);
  });

  it('takes prefixes off that are to be ignored, but makes no two tensors one', async () => {
    const a = dict({ 'net.w': tensor(), w: tensor(), 'net.v': tensor() });
    const comparison = await compare(a, dict({ 'net.w': tensor(), w: tensor(), v: tensor() }), {
      ignorePrefixes: ['net.'],
    });
    expect(isSame(comparison)).toBe(true);
  });

  it('looks at the chosen tensors alone', async () => {
    const comparison = await compare(
      dict({ a: tensor(), b: tensor({ shape: [1] }), epoch: 1 }),
      dict({ a: tensor(), b: tensor({ shape: [2] }), epoch: 2 }),
      { filter: (name) => name === 'a' },
    );
    expect(isSame(comparison)).toBe(true);
    expect(comparison.pairs).toHaveLength(1);
  });

  it('takes a renamed tensor by either of its names', async () => {
    const [a, b] = [dict({ 'module.a': tensor(), 'module.b': tensor() }), dict({ a: tensor(), b: tensor() })];
    for (const asked of ['module.a', 'a'])
      expect(renamed(await compare(a, b, { filter: (name) => name === asked }))).toEqual([
        ['module.a', 'a', 'wrapper'],
      ]);
  });
});

describe('the descriptions of tensors', () => {
  it('tells other shapes, dtypes, kinds and locations', async () => {
    const { pairs } = await compare(
      dict({ x: tensor({ shape: [2, 3], location: 'cuda:0' }), p: tensor({ kind: 'parameter' }) }),
      dict({ x: tensor({ shape: [3, 2], dtype: 'float16', kind: 'quantized' }), p: tensor() }),
    );
    expect(pairs[0]?.differences).toEqual([
      { aspect: 'shape', a: '[2, 3]', b: '[3, 2]' },
      { aspect: 'dtype', a: 'float32', b: 'float16' },
      { aspect: 'kind', a: 'tensor', b: 'quantized' },
      { aspect: 'location', a: 'cuda:0', b: 'cpu' },
    ]);
    // a state_dict holds the parameters of a module as tensors
    expect(pairs[1]?.differences).toEqual([]);
  });

  it('does not hold a location against a format that keeps none', async () => {
    const comparison = await compareCheckpoints(
      checkpointOf(dict({ x: tensor({ location: 'cuda:0' }) })),
      checkpointOf(dict({ x: tensor() }), { kind: 'safetensors' }),
    );
    expect(isSame(comparison)).toBe(true);
    expect(comparison.notes).toEqual(['Locations are not compared: b (safetensors) keeps none.']);
  });
});

describe('values that are no tensors', () => {
  it('are compared by type and value, wherever they stand', async () => {
    const { values } = await compare(
      dict({
        w: tensor(),
        lr: new PyFloat(1),
        list: new PyList([1, 2]),
        none: null,
        empty: dict({}),
        same: 'x',
      }),
      dict({
        w: tensor(),
        lr: 1,
        list: new PyList([1]),
        none: false,
        more: 2n ** 70n,
        empty: dict({}),
        same: 'x',
      }),
    );
    expect(values).toEqual([
      { name: 'lr', a: '1.0', b: '1' },
      { name: 'list.1', a: '2' },
      { name: 'none', a: 'None', b: 'False' },
      { name: 'more', b: '1180591620717411303424' },
    ]);
  });

  it('end where a list holds itself', async () => {
    const loop = new PyList();
    loop.items.push(loop, 1);
    const comparison = await compare(dict({ w: tensor(), loop }), dict({ w: tensor(), loop }));
    expect(comparison.values).toEqual([]);
  });
});

describe('the elements of tensors', () => {
  const forged = (build: (forge: Forge) => Record<string, Value>): Checkpoint => {
    const forge = new Forge();
    return forge.checkpoint(forge.dict(build(forge)));
  };
  const half = (forge: Forge, ...bits: number[]) =>
    forge.view(forge.storage(new Uint8Array(Uint16Array.from(bits).buffer), 'float16'), {
      shape: [bits.length],
    });

  it('are compared as numbers where bytes differ', async () => {
    const a = forged((forge) => ({ x: forge.tensor(1, 2, 3), same: forge.tensor(7), zero: forge.tensor(0) }));
    const b = forged((forge) => ({
      x: forge.tensor(1, 2, 5),
      same: forge.tensor(7),
      zero: forge.tensor(-0),
    }));
    const { pairs } = await compareCheckpoints(a, b, { values: true });
    expect(pairs.map(({ values }) => values?.verdict)).toEqual(['different', 'same', 'same']);
    expect(pairs[0]?.values).toMatchObject({ numbers: { differing: 1, maxAbs: 2, meanAbs: 2 / 3 } });
  });

  it('are compared across dtypes, and within a tolerance', async () => {
    // 1, 0.5 and the float16 nearest to 0.1
    const a = forged((forge) => ({ exact: forge.tensor(1, 0.5), near: forge.tensor(0.1) }));
    const b = forged((forge) => ({ exact: half(forge, 0x3c00, 0x3800), near: half(forge, 0x2e66) }));
    const strict = await compareCheckpoints(a, b, { values: true });
    expect(strict.pairs.map(({ values }) => values?.verdict)).toEqual(['same', 'different']);
    const close = await compareCheckpoints(a, b, { values: true, tolerance: 1e-4 });
    expect(close.pairs.map(({ values }) => values?.verdict)).toEqual(['same', 'same']);
  });

  it('let no tolerance hide a NaN', async () => {
    const a = forged((forge) => ({ x: forge.tensor(1) }));
    const b = forged((forge) => ({ x: forge.tensor(Number.NaN) }));
    const { pairs } = await compareCheckpoints(a, b, { values: true, tolerance: 1e9 });
    expect(pairs.some(hasChanged)).toBe(true);
  });

  it('find a tensor that has a new name, and pair equal contents in their order', async () => {
    const a = forged((forge) => ({
      one: forge.tensor(1, 2),
      z1: forge.tensor(0, 0),
      z2: forge.tensor(0, 0),
    }));
    const b = forged((forge) => ({ u: forge.tensor(0, 0), v: forge.tensor(0, 0), w: forge.tensor(1, 2) }));
    expect(renamed(await compareCheckpoints(a, b))).toEqual([
      ['one', 'w', 'content'],
      ['z1', 'u', 'content'],
      ['z2', 'v', 'content'],
    ]);
  });

  it('of other shapes are not compared, and the reason is told', async () => {
    const a = forged((forge) => ({ x: forge.tensor(1, 2) }));
    const b = forged((forge) => ({ x: forge.tensor(1, 2, 3) }));
    const { pairs } = await compareCheckpoints(a, b, { values: true });
    expect(pairs[0]?.values).toEqual({ verdict: 'not-comparable', reason: 'the shapes differ' });
  });

  it('that can not be had are an error that names the side', async () => {
    const a = forged((forge) => ({ x: forge.tensor(1, 2) }));
    const b = forged((forge) => ({ x: forge.tensor(1, 2) }));
    const content = b.storages[0]?.content;
    Object.assign(content ?? {}, { offset: 4 });
    await expect(compareCheckpoints(a, b, { values: true })).rejects.toThrow(/^in b, /);
  });
});
