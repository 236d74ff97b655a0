import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import type { Segment } from '../../src/io/segment.ts';
import { computeStatistics } from '../../src/numeric/statistics.ts';
import type { Summary } from '../../src/numeric/summary.ts';
import { dtypeByName } from '../../src/torch/dtypes.ts';
import { storage, tensor } from '../report/sample.ts';

const ELEMENTS = 4000;
const numbers = Float32Array.from(
  { length: ELEMENTS },
  (_, index) => Math.sin(index * 12.9898) * (index % 97),
);
const bytes = new Uint8Array(numbers.buffer);

function view(
  over: Partial<Tensor>,
  content: Segment = bytes,
  byteOrder: 'little' | 'big' = 'little',
): Tensor {
  const shape = over.shape ?? [ELEMENTS];
  return tensor('t', shape, {
    storage: storage('0', { numel: ELEMENTS, bytes: bytes.length, content, byteOrder }),
    ...over,
    dtype: over.dtype?.name ?? 'float32',
  });
}

const only = async (made: Tensor): Promise<Summary> =>
  (await computeStatistics([made]))[0]?.summary as Summary;

/** The elements one by one, as the reader of tensors gives them. */
async function expected(made: Tensor) {
  const values = [...((await readTensor(made)) as Float32Array)];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    count: values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    zeros: values.filter((value) => value === 0).length,
    mean,
    deviation: Math.sqrt(squares / values.length),
  };
}

async function expectSame(made: Tensor): Promise<void> {
  const [ours, theirs] = [await only(made), await expected(made)];
  expect(ours).toMatchObject({ count: theirs.count, min: theirs.min, max: theirs.max, zeros: theirs.zeros });
  expect(ours.mean).toBeCloseTo(theirs.mean, 10);
  expect(ours.deviation).toBeCloseTo(theirs.deviation, 10);
}

describe('the numbers of a view', () => {
  it('are those that the reader of tensors gives, whatever the strides', async () => {
    const dimension = fc.record({
      size: fc.integer({ min: 1, max: 7 }),
      stride: fc.integer({ min: 0, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(dimension, { maxLength: 4 }),
        fc.integer({ min: 0, max: 2500 }),
        async (dims, storageOffset) => {
          const shape = dims.map(({ size }) => size);
          const stride = dims.map((each) => each.stride);
          await expectSame(view({ shape, stride, storageOffset }));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('are found in deflated records, and in those of big-endian machines', async () => {
    const packed = deflateRawSync(bytes);
    const source = new MemorySource(packed);
    const deflated = { deflated: { source, offset: 0, length: packed.length }, length: bytes.length };
    await expectSame(view({}, deflated));
    await expectSame(view({ shape: [40, 10], stride: [1, 100], storageOffset: 7 }, deflated));
    await expectSame(view({}, Buffer.from(bytes).swap32(), 'big'));
  });

  it('change their sign with the lazy bit', async () => {
    await expectSame(view({ neg: true }));
  });

  it('are looked at once where several tensors show them', async () => {
    const content = new MemorySource(bytes);
    let reads = 0;
    const source = {
      size: content.size,
      read(...range: [number, number]) {
        reads++;
        return content.read(...range);
      },
    };
    const made = view({}, { source, offset: 0, length: bytes.length });
    await computeStatistics([made, { ...made, name: 'tied' }]);
    expect(reads).toBe(1);
  });
});

describe('what can not be looked at', () => {
  const skipped = async (made: Tensor) => (await computeStatistics([made]))[0]?.skipped;

  it('is named, and stops nothing', async () => {
    expect(await skipped(view({ storage: undefined, kind: 'meta' }))).toMatch(/meta device/);
    expect(await skipped(view({ dtype: dtypeByName('bits8') as Tensor['dtype'] }))).toMatch(/bits/);
    expect(await skipped(view({ shape: [ELEMENTS + 1] }))).toMatch(
      /reaches byte 16004 of a storage of 16000/,
    );
  });

  it('is a view that was made to take for ever', async () => {
    const huge = view({ shape: [2 ** 15, 2 ** 15], stride: [1, 1], elements: 2 ** 30, storageOffset: 0 });
    const numel = 2 ** 16;
    const content = new Uint8Array(4 * numel);
    const wide = { ...huge, storage: storage('0', { numel, bytes: 4 * numel, content }) };
    expect(await skipped(wide)).toMatch(/more than a thousand times/);
    const expanded = view({ shape: [2 ** 40, 2], stride: [0, 1], elements: 2 ** 41 });
    expect((await only(expanded)).count).toBe(2 ** 41);
  });
});

describe('samples', () => {
  it('are a part of a large tensor, with its beginning and its end', async () => {
    const elements = 2 ** 20;
    const content = new Uint8Array(4 * elements);
    const floats = new Float32Array(content.buffer);
    floats[0] = -5;
    floats[elements - 1] = 7;
    const made = tensor('t', [elements], {
      storage: storage('0', { numel: elements, bytes: content.length, content }),
    });
    const [sampled] = await computeStatistics([made], { sample: true });
    expect(sampled).toMatchObject({ sampled: true, summary: { min: -5, max: 7 } });
    expect(sampled?.summary?.count).toBeLessThan(elements / 2);
  });
});

describe('histograms', () => {
  it('count every finite number once', async () => {
    const [{ histogram } = {}] = await computeStatistics([view({})], { bins: 10 });
    const { min, max, counts = [] } = histogram ?? {};
    expect({ min, max }).toEqual({ min: Math.min(...numbers), max: Math.max(...numbers) });
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(ELEMENTS);
    const width = ((max as number) - (min as number)) / 10;
    const third = [...numbers].filter(
      (value) => value >= (min as number) + 3 * width && value < (min as number) + 4 * width,
    );
    expect(counts[3]).toBe(third.length);
  });

  it('turn round with the sign', async () => {
    const [plain] = await computeStatistics([view({})], { bins: 6 });
    const [negative] = await computeStatistics([view({ neg: true })], { bins: 6 });
    expect(negative?.histogram?.counts).toEqual(plain?.histogram?.counts.toReversed());
  });
});

describe('narrow histograms', () => {
  const made = (values: readonly number[]) => {
    const content = new Uint8Array(Float32Array.from(values).buffer);
    const held = storage('0', { numel: values.length, bytes: content.length, content });
    return tensor('w', [values.length], { storage: held });
  };
  const bell = Array.from({ length: 4000 }, (_, index) => Math.sin(index) / 100);

  it('show where the numbers are, when one lies far out', async () => {
    const options = { bins: 48 };
    const [plain] = await computeStatistics([made([...bell, 81_000])], options);
    expect(Math.max(...(plain?.histogram?.counts ?? []))).toBe(4000);
    const [narrow] = await computeStatistics([made([...bell, 81_000])], { ...options, narrow: true });
    const { min, max, counts } = narrow?.histogram ?? { min: 0, max: 0, counts: [] };
    expect(max).toBeLessThan(1);
    expect(min).toBeCloseTo(-0.01, 6);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(5);
    const within = bell.filter((value) => value <= max).length;
    expect(counts.reduce((sum, count) => sum + count)).toBe(within);
    expect(narrow?.summary?.max).toBe(81_000);
  });

  it('are the same where there is nothing to narrow', async () => {
    const [plain] = await computeStatistics([made(bell)], { bins: 48 });
    const [narrow] = await computeStatistics([made(bell)], { bins: 48, narrow: true });
    expect(narrow?.histogram).toEqual(plain?.histogram);
  });
});
