import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../src/checkpoint/checkpoint.ts';
import { planOutput } from '../../../src/fix/outputs/plan-output.ts';
import { RefusedError } from '../../../src/io/errors.ts';
import { PyFloat, PyList, type Value } from '../../../src/pickle/values.ts';
import { contents, Forge, names } from '../../support/forge.ts';
import { safetensorsHeader, writeAs } from './files.ts';

const count = (length: number) => Array.from({ length }, (_, index) => index);

async function refusal(checkpoint: Checkpoint): Promise<string> {
  const error = await planOutput(checkpoint, [], 'safetensors').then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RefusedError);
  expect((error as Error).message).toMatch(/^[^\n]+$/);
  return (error as Error).message;
}

function made(entries: (forge: Forge) => Record<string, Value>): Checkpoint {
  const forge = new Forge();
  return forge.checkpoint(forge.stateDict(entries(forge)));
}

describe('fix --to safetensors', () => {
  it('lays tensors out as the library does: wide dtypes first, then by the bytes of their names', async () => {
    const checkpoint = made((forge) => ({
      flag: forge.view(forge.storage(Uint8Array.of(1, 0, 1), 'bool'), { shape: [3] }),
      'x\u{1f600}': forge.tensor(1),
      'x\uffee': forge.tensor(2),
      b: forge.tensor(3, 4),
      half: forge.view(forge.storage(Uint8Array.of(0, 60), 'bfloat16'), { shape: [] }),
      a: forge.tensor(5),
      steps: forge.view(forge.storage(new Uint8Array(8), 'int64'), { shape: [1] }),
    }));
    const { bytes, output } = await writeAs('safetensors', checkpoint);
    const { header, dataOffset } = safetensorsHeader(bytes);
    expect(dataOffset % 8).toBe(0);
    expect(Object.keys(header)).toEqual([
      '__metadata__',
      'steps',
      'a',
      'b',
      'x\uffee',
      'x\u{1f600}',
      'half',
      'flag',
    ]);
    expect(header.__metadata__).toEqual({ format: 'pt' });
    expect(header.b).toEqual({ dtype: 'F32', shape: [2], data_offsets: [12, 20] });
    expect(await contents(output)).toMatchObject({ b: [3, 4], 'x\u{1f600}': [1], flag: [1, 0, 1] });
    expect(output.damage).toEqual([]);
  });

  it('writes what is the same once, names it in __metadata__, and --untie writes it again', async () => {
    const make = () =>
      made((forge) => {
        const storage = forge.floats(1, 2, 3, 4);
        const view = () => forge.view(storage, { shape: [2, 2] });
        return { embed: view(), head: view(), flat: forge.view(storage, { shape: [4] }) };
      });
    const { output, bytes, plan } = await writeAs('safetensors', make());
    expect(names(output)).toEqual(['embed', 'flat']);
    expect(safetensorsHeader(bytes).header.__metadata__).toEqual({ format: 'pt', head: 'embed' });
    expect(plan.operations.at(-1)).toMatchObject({
      name: 'to safetensors',
      affected: 2,
      notes: [
        '1 tensor that is the same as another stand only in __metadata__ (head = embed); --untie writes each',
        '16 bytes more, for elements that several tensors share or one repeats',
      ],
    });
    const untied = await writeAs('safetensors', make(), { untie: true });
    expect(names(untied.output)).toEqual(['embed', 'flat', 'head']);
    expect(safetensorsHeader(untied.bytes).header.__metadata__).toEqual({ format: 'pt' });
  });

  it('takes parts of one storage that do not overlap for tensors of their own', async () => {
    const checkpoint = made((forge) => {
      const storage = forge.floats(...count(12));
      const part = (storageOffset: number) => forge.view(storage, { shape: [2, 2], storageOffset });
      return { q: part(0), k: part(4), v: part(8) };
    });
    const { output, plan } = await writeAs('safetensors', checkpoint);
    expect(await contents(output)).toEqual({ k: [4, 5, 6, 7], q: [0, 1, 2, 3], v: [8, 9, 10, 11] });
    expect(plan.operations.at(-1)?.notes).toEqual([]);
  });

  it('keeps texts and numbers beside the tensors as text, and names what it leaves out', async () => {
    const checkpoint = made((forge) => ({
      w: forge.tensor(1),
      arch: 'resnet18',
      epoch: 7,
      lr: new PyFloat(0.1),
      best: true,
      format: 'mine',
      betas: new PyList([1]),
      nothing: null,
    }));
    const { bytes, plan } = await writeAs('safetensors', checkpoint);
    expect(safetensorsHeader(bytes).header.__metadata__).toEqual({
      arch: 'resnet18',
      epoch: '7',
      lr: '0.1',
      best: 'true',
      format: 'pt',
    });
    expect(plan.operations.at(-1)?.notes).toEqual([
      '4 values beside the tensors are kept as text in __metadata__: arch, epoch, lr and best',
      '3 values beside the tensors are left out: format, betas and nothing',
    ]);
  });

  it('never lets a name of a tensor and a text fall together in __metadata__', async () => {
    const checkpoint = made((forge) => {
      const storage = forge.floats(1);
      return { a: forge.view(storage, { shape: [1] }), format: forge.view(storage, { shape: [1] }) };
    });
    const { output, bytes } = await writeAs('safetensors', checkpoint);
    expect(names(output)).toEqual(['a', 'format']);
    expect(safetensorsHeader(bytes).header.__metadata__).toEqual({ format: 'pt' });
  });

  it('counts pairs of float4 as the format does', async () => {
    const checkpoint = made((forge) => ({
      w: forge.view(forge.storage(new Uint8Array(6), 'float4_e2m1fn_x2'), { shape: [2, 3] }),
    }));
    const { bytes, output } = await writeAs('safetensors', checkpoint);
    expect(safetensorsHeader(bytes).header.w).toMatchObject({ dtype: 'F4', shape: [2, 6] });
    expect(output.tensors[0]).toMatchObject({ shape: [2, 3] });
  });

  it('gives the same bytes again from what it wrote', async () => {
    const forge = new Forge();
    const first = await writeAs(
      'safetensors',
      forge.checkpoint(forge.dict({ b: forge.tensor(1), a: forge.tensor() })),
    );
    const second = await writeAs('safetensors', first.output);
    expect(second.bytes.equals(first.bytes)).toBe(true);
  });

  it.each<[string, (forge: Forge) => Value, RegExp]>([
    ['no tensor', (forge) => forge.dict({ a: 1 }), /without a tensor/],
    [
      'tensors that stand deeper',
      (forge) => forge.dict({ w: forge.tensor(1), optimizer: forge.dict({ m: forge.tensor(1) }) }),
      /1 tensor \(optimizer\.m\) stands deeper than that; --weights takes/,
    ],
    ['a tensor without a name', (forge) => forge.tensor(1), /\(the root\) stands in no dict/],
    ['a list', (forge) => new PyList([forge.tensor(1)]), /\(0\) stands in no dict/],
    [
      'names of surrogates',
      (forge) => forge.dict({ 'a\ud800': forge.tensor(1) }),
      /a\\ud800 \(the name is no valid Unicode\)/,
    ],
    ['a taken name', (forge) => forge.dict({ __metadata__: forge.tensor(1) }), /taken by the format/],
    [
      'a dtype that it lacks',
      (forge) =>
        forge.dict({
          a: forge.view(forge.storage(new Uint8Array(16), 'complex128'), { shape: [1] }),
          b: forge.view(forge.storage(new Uint8Array(16), 'complex128'), { shape: [1] }),
        }),
      /no form for 2 tensors: a and b \(complex128\); leave them out with --drop/,
    ],
    [
      'a view that claims more than memory holds',
      (forge) => forge.dict({ a: forge.view(forge.floats(1), { shape: [2 ** 31], stride: [0] }) }),
      /8589934592 bytes that stand apart/,
    ],
  ])('refuses %s', async (_what, root, words) => {
    const forge = new Forge();
    expect(await refusal(forge.checkpoint(root(forge)))).toMatch(words);
  });

  it('refuses keys that are no text', async () => {
    const forge = new Forge();
    const dict = forge.dict({ a: forge.tensor(1), b: forge.tensor(2) });
    dict.keys[1] = 1;
    expect(await refusal(forge.checkpoint(dict))).toMatch(/names its tensors by text, and 1 key \(1\)/);
  });

  it('law: what is read back are the elements, in C order, of every tensor that is not another', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(
          fc.record({
            shape: fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
            stride: fc.array(fc.nat({ max: 4 }), { minLength: 3, maxLength: 3 }),
            storageOffset: fc.nat({ max: 20 }),
          }),
        ),
        async (keys, views) => {
          const wanted = keys.filter((key) => key.isWellFormed() && key !== '__metadata__');
          if (wanted.length === 0) return;
          const forge = new Forge();
          const storage = forge.floats(...count(60));
          const entries: [string, Value][] = wanted.map((key) => {
            const { shape, stride, storageOffset } = views.next().value;
            return [
              key,
              forge.view(storage, { shape, stride: stride.slice(0, shape.length), storageOffset }),
            ];
          });
          const before = forge.checkpoint(forge.dict(Object.fromEntries(entries)));
          const values = await contents(before);
          const { output, bytes } = await writeAs('safetensors', before);
          const { __metadata__: words } = safetensorsHeader(bytes).header;
          const after = await contents(output);
          for (const key of wanted) expect(after[key] ?? after[words[key] as string]).toEqual(values[key]);
        },
      ),
      { numRuns: 60 },
    ));
});
