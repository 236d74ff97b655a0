import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { UnreadableError } from '../../src/io/errors.ts';
import { lookup } from '../../src/pickle/values.ts';

type Entry = { dtype?: unknown; shape?: unknown; data_offsets?: unknown; [more: string]: unknown };

/** A file of a header (an object, or text of any kind) and some data. */
function file(header: object | string, data = 0): MemorySource {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new MemorySource(Buffer.concat([length, text, Buffer.alloc(data, 1)]));
}

const f32 = (shape: unknown, begin: number, end: number): Entry => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});
const open = (source: MemorySource): Promise<Checkpoint> => openSource(source, 'x.safetensors');

async function refusal(source: MemorySource): Promise<UnreadableError> {
  const error = await open(source).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UnreadableError);
  expect((error as UnreadableError).message).not.toContain('\n');
  return error as UnreadableError;
}

describe('a header that breaks a rule of the format', () => {
  const name = 'w'.repeat(40);
  const broken: [string, object | string, number, RegExp][] = [
    ['is no JSON', '{"a": nothing}', 0, /no JSON/],
    ['ends in a NUL', '{"a": 1}\0', 0, /no JSON/],
    ['is a JSON list in an object', '{"a": []}', 0, /has no dtype/],
    ['has a tensor that is a number', { a: 4 }, 0, /object of dtype/],
    ['has no dtype', { a: { shape: [], data_offsets: [0, 4] } }, 4, /has no dtype/],
    [
      'has an unknown dtype',
      { a: { ...f32([1], 0, 4), dtype: 'F128' } },
      4,
      /"F128", which the format does not/,
    ],
    ['has a dtype called toString', { a: { ...f32([1], 0, 4), dtype: 'toString' } }, 4, /does not have/],
    ['has a dtype that torch lacks', { a: { ...f32([4], 0, 3), dtype: 'F6_E2M3' } }, 3, /torch has no dtype/],
    ['has no shape', { a: { dtype: 'F32', data_offsets: [0, 4] } }, 4, /shape must be/],
    ['has a negative size', { a: f32([-1], 0, 4) }, 4, /shape must be/],
    ['has a fraction as size', '{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,6]}}', 6, /number 1\.5/],
    ['has a whole fraction', '{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4, /number 1\.0/],
    ['has an exponent', '{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', 4, /number 1e0/],
    ['has text as size', { a: f32(['1'], 0, 4) }, 4, /shape must be/],
    ['has one offset', { a: { ...f32([1], 0, 4), data_offsets: [0] } }, 4, /two whole numbers/],
    ['has three offsets', { a: { ...f32([1], 0, 4), data_offsets: [0, 4, 8] } }, 4, /two whole numbers/],
    ['has offsets that run backwards', { a: f32([1], 4, 0) }, 4, /backwards/],
    ['claims more bytes than the shape takes', { a: f32([1], 0, 8) }, 8, /takes 4 bytes.*hold 8/],
    ['claims fewer bytes', { a: f32([3], 0, 4) }, 4, /takes 12 bytes/],
    ['has more elements than a number holds', { a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4, /more elements/],
    [
      'has half a byte',
      { a: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } },
      2,
      /does not end on a byte/,
    ],
    ['has metadata that is a list', { __metadata__: [], a: f32([1], 0, 4) }, 4, /__metadata__ must be/],
    ['has metadata with a number', { __metadata__: { n: 1 }, a: f32([1], 0, 4) }, 4, /"n" must be a string/],
    [
      'has a name with half a character',
      '{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
      /valid Unicode/,
    ],
  ];
  it.each(broken)('%s', async (_what, header, data, message) => {
    expect((await refusal(file(header, data))).message).toMatch(message);
  });

  it('is no valid UTF-8', async () => {
    const source = file({ [name]: f32([1], 0, 4) }, 4);
    const bytes = Buffer.from(await source.read(0, source.size));
    bytes[bytes.indexOf(name)] = 0xff;
    expect((await refusal(new MemorySource(bytes))).message).toMatch(/UTF-8/);
  });

  it('is longer than the file', async () => {
    const source = file({ [name]: f32([1], 0, 4) }, 4);
    const cut = await refusal(new MemorySource(await source.read(0, 30)));
    expect(cut).toMatchObject({ code: 'truncated', offset: 30 });
  });

  it('is longer than 100 MB', async () => {
    const bytes = Buffer.alloc(64, ' ');
    bytes.writeBigUInt64LE(100_000_001n);
    bytes.write('{"a":', 8);
    expect((await refusal(new MemorySource(bytes))).code).toBe('not-a-checkpoint');
  });
});

describe('a header whose length reads like the start of another format', () => {
  it.each([
    ['a pickle of protocol 2', 0x0280],
    ['gzip', 0x8b1f],
  ])('is none of %s', async (_what, length) => {
    const empty = JSON.stringify({ __metadata__: { note: '' }, a: f32([1], 0, 4) });
    const note = 'x'.repeat(length - empty.length);
    const checkpoint = await open(file({ __metadata__: { note }, a: f32([1], 0, 4) }, 4));
    expect(checkpoint.container.kind).toBe('safetensors');
    expect(checkpoint.damage).toEqual([]);
  });
});

describe('data that the header does not cover just so', () => {
  const damageOf = async (source: MemorySource) => (await open(source)).damage.map(({ message }) => message);

  it('has a hole before the first tensor', async () => {
    expect(await damageOf(file({ a: f32([1], 4, 8) }, 8))).toEqual([
      expect.stringMatching(/hole of 4 bytes/),
    ]);
  });

  it('has a hole between tensors', async () => {
    const damage = await damageOf(file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12));
    expect(damage).toEqual([expect.stringMatching(/"b" leaves a hole of 4/)]);
  });

  it('is shared by two tensors', async () => {
    const damage = await damageOf(file({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8));
    expect(damage).toEqual([expect.stringMatching(/"b" overlaps .* by 4/)]);
  });

  it('goes on behind the last tensor', async () => {
    expect(await damageOf(file({ a: f32([1], 0, 4) }, 7))).toEqual([
      expect.stringMatching(/^3 bytes stand behind/),
    ]);
  });

  it('is cut short: tells how many tensors are whole, and keeps those', async () => {
    const checkpoint = await open(file({ a: f32([2], 0, 8), b: f32([2], 8, 16) }, 12));
    expect(checkpoint.damage).toEqual([
      expect.objectContaining({
        code: 'truncated',
        message: expect.stringMatching(/1 of 2 tensors are whole/),
      }),
    ]);
    const [a, b] = checkpoint.tensors;
    if (!a || !b) throw new Error('two tensors expected');
    await expect(readTensor(a)).resolves.toHaveLength(2);
    await expect(readTensor(b)).rejects.toMatchObject({ code: 'missing-record' });
  });
});

describe('what the format allows', () => {
  it('takes spaces around the header, unknown fields, null metadata and no tensors at all', async () => {
    const header = `  ${JSON.stringify({ __metadata__: null, a: { ...f32([1], 0, 4), more: 'x' } })} \n`;
    const checkpoint = await open(file(header, 4));
    expect(checkpoint.damage).toEqual([]);
    expect(checkpoint.tensors.map(({ name }) => name)).toEqual(['a']);
    expect((await open(file({}, 0))).tensors).toEqual([]);
  });

  it('gives tensors in the order of their data, whatever the order of their names', async () => {
    const header = { '1': f32([1], 8, 12), z: f32([1], 0, 4), '0': f32([], 4, 8), none: f32([0], 0, 0) };
    const { tensors } = await open(file(header, 12));
    expect(tensors.map(({ name }) => name)).toEqual(['none', 'z', '0', '1']);
  });

  it('puts what has no elements before what starts where it does, though a number was named first', async () => {
    const { tensors, damage } = await open(file({ '0': f32([1], 0, 4), '': f32([0], 0, 0) }, 4));
    expect(damage).toEqual([]);
    expect(tensors.map(({ name }) => name)).toEqual(['', '0']);
  });

  it('takes names that mean something to JavaScript, and names that look like numbers with fractions', async () => {
    const names = ['__proto__', 'constructor', 'layer:1.5,2.e', 'ünï', '"quoted"'];
    const entries = names.map(
      (name, index) => `${JSON.stringify(name)}:${JSON.stringify(f32([1], index * 4, index * 4 + 4))}`,
    );
    const { tensors } = await open(file(`{${entries.join(',')}}`, 4 * names.length));
    expect(tensors.map(({ path }) => path)).toEqual(names.map((name) => [name]));
  });

  it('takes the last of two entries with one name, as the library does', async () => {
    const twice = `{"a":${JSON.stringify(f32([2], 0, 8))},"a":${JSON.stringify(f32([1], 0, 4))}}`;
    const { tensors, damage } = await open(file(twice, 4));
    expect(damage).toEqual([]);
    expect(tensors.map(({ shape }) => shape)).toEqual([[1]]);
  });

  it('keeps the metadata', async () => {
    const source = new MemorySource(readFileSync('fixtures/containers/dtypes.safetensors'));
    const { annotations } = await open(source);
    const metadata = annotations && lookup(annotations, '__metadata__');
    expect(metadata && lookup(metadata, 'note')).toBe('ein Gruß');
  });
});

describe('any bytes', () => {
  it('open, or are refused in one line', async () => {
    const start = Buffer.from(readFileSync('fixtures/containers/dtypes.safetensors').subarray(0, 400));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(399), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(400),
        async (changes, length) => {
          const bytes = Buffer.from(start.subarray(0, length));
          for (const [at, value] of changes) if (at < length) bytes[at] = value;
          await open(new MemorySource(bytes)).catch((error: unknown) => {
            expect(error).toBeInstanceOf(UnreadableError);
          });
        },
      ),
    );
  });
});
