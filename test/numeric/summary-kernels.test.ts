import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Summarizer } from '../../src/numeric/summarizer.ts';
import { finiteCount, merge, type Summary } from '../../src/numeric/summary.ts';
import { plainKernels, vectorSummaryKernels, WINDOW } from '../../src/numeric/summary-kernels.ts';

const vectors = vectorSummaryKernels();
const plain = new Summarizer(plainKernels());
const fast = new Summarizer(vectors);

function summaryOf(summarizer: Summarizer, name: string, width: number, bytes: Uint8Array): Summary {
  summarizer.begin({ format: { name, bytes: width }, count: bytes.length / width });
  for (let at = 0; at < bytes.length; at += WINDOW) {
    const piece = bytes.subarray(at, at + WINDOW);
    summarizer.window.set(piece);
    summarizer.take(piece.length);
  }
  return summarizer.finish() as Summary;
}

/** Equal but for the last digits of what is summed in another order. */
function expectAlike(a: Summary, b: Summary, digits = 1e-12, lastDigit = 0): void {
  const counts = ({ mean, meanRest, deviation, ...rest }: Summary) => rest;
  expect(counts(a)).toEqual(counts(b));
  const scale = Math.max(Math.abs(Number(a.min)), Math.abs(Number(a.max)));
  // the smallest numbers that there are have no last digits
  expect(Math.abs(a.mean - b.mean)).toBeLessThanOrEqual(digits * scale + 4 * Number.MIN_VALUE);
  expect(Math.abs(a.deviation - b.deviation)).toBeLessThanOrEqual(
    digits * (a.deviation + 1e-300) + lastDigit * scale,
  );
}

const edges = [
  0, 1, 0x8000, 0x33000000, 0x38800000, 0x477ff000, 0x47800000, 0x7f7f8000, 0x7f7fffff, 0x00800000,
];
const finiteWord = fc.oneof(
  fc.integer({ min: 0, max: 0x7f7fffff }),
  fc
    .tuple(fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 }))
    .map(([word, step]) => Math.min(0x7f7fffff, Math.max(0, word + step))),
  fc.integer({ min: 0x3c000000, max: 0x3f800000 }).map((word) => (word & 0xffffe000) >>> 0),
);
const signed = fc
  .tuple(finiteWord, fc.boolean())
  .map(([word, minus]) => (word + (minus ? 0x80000000 : 0)) >>> 0);
const special = fc.constantFrom(0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001);

describe('float32 by vectors', () => {
  it('is there', () => expect(vectors).toBeDefined());

  it('is what it is one by one, whatever the number of values', () => {
    fc.assert(
      fc.property(fc.array(signed, { maxLength: 100 }), (words) => {
        const bytes = new Uint8Array(Uint32Array.from(words).buffer);
        expectAlike(summaryOf(fast, 'float32', 4, bytes), summaryOf(plain, 'float32', 4, bytes));
      }),
      { numRuns: 400 },
    );
  });

  it('is what it is one by one among NaN and infinities', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(signed, special), { maxLength: 60 }), (words) => {
        const bytes = new Uint8Array(Uint32Array.from(words).buffer);
        expectAlike(summaryOf(fast, 'float32', 4, bytes), summaryOf(plain, 'float32', 4, bytes));
      }),
      { numRuns: 200 },
    );
  });

  it('holds over many windows', () => {
    const floats = Float32Array.from({ length: 200_003 }, (_, index) => Math.sin(index) * 3 + 1000);
    const bytes = new Uint8Array(floats.buffer);
    expectAlike(summaryOf(fast, 'float32', 4, bytes), summaryOf(plain, 'float32', 4, bytes));
  });
});

describe('patterns', () => {
  it.each([
    ['float16', 2],
    ['bfloat16', 2],
    ['int16', 2],
    ['uint8', 1],
    ['float8_e4m3fn', 1],
  ])('of %s are counted alike, few and many', (name, width) => {
    for (const count of [0, 1, 7, 2048, 2049, 4099, 300_001]) {
      const bytes = Uint8Array.from(
        { length: count * width },
        (_, index) => Math.imul(index, 2654435761) >>> 13,
      );
      expect(summaryOf(fast, name, width, bytes)).toEqual(summaryOf(plain, name, width, bytes));
    }
  });

  it('of two halves come to those of the whole', () => {
    const patterns = Uint16Array.from({ length: 9000 }, (_, index) => Math.imul(index, 40503) & 0x7bff);
    const of = (part: Uint16Array) => summaryOf(fast, 'float16', 2, new Uint8Array(part.slice().buffer));
    expectAlike(merge(of(patterns.subarray(0, 4000)), of(patterns.subarray(4000))), of(patterns));
  });
});

describe('merging', () => {
  const value = fc.double({ noNaN: true, noDefaultInfinity: true });
  const of = (values: readonly number[]) =>
    summaryOf(plain, 'float64', 8, new Uint8Array(Float64Array.from(values).buffer));

  it('neither overflows nor vanishes', () => {
    const close: [number[], number[]] = [
      [1.7976824207249939e308],
      [1.797689707709003e308, 1.797693134862314e308],
    ];
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.array(value, { minLength: 1 }), (a, b) => {
        const [merged, whole] = [merge(of(a), of(b)), of([...a, ...b])];
        expect(merged.count).toBe(a.length + b.length);
        expect(finiteCount(merged)).toBe(merged.count);
        for (const summary of [merged, whole]) {
          expect(Number.isFinite(summary.mean)).toBe(true);
          expect(summary.deviation).toBeGreaterThanOrEqual(0);
        }
        // where the values lie close together, the last digit of the largest counts
        expectAlike(merged, whole, 1e-11, Number.EPSILON);
      }),
      { examples: [close] },
    );
  });

  it('keeps a small deviation beside a large mean', () => {
    const values = Array.from({ length: 1000 }, (_, index) => 1e9 + index / 1000);
    const expected = Math.sqrt((1000 ** 2 - 1) / 12) / 1000;
    const parts = Array.from({ length: 100 }, (_, part) => of(values.slice(10 * part, 10 * part + 10)));
    const merged = parts.reduce(merge);
    // the values themselves are rounded to 1e-7
    expect(Math.abs(merged.deviation / expected - 1)).toBeLessThan(1e-6);
    expect(Math.abs(merged.deviation / of(values).deviation - 1)).toBeLessThan(1e-12);
  });
});

describe('integers of 64 bits', () => {
  it('are exact at their ends', () => {
    const ends = BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n);
    expect(summaryOf(plain, 'int64', 8, new Uint8Array(ends.buffer))).toMatchObject({
      min: -(2n ** 63n),
      max: 2n ** 63n - 1n,
      zeros: 1,
    });
    const large = BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n + 1n);
    expect(summaryOf(plain, 'uint64', 8, new Uint8Array(large.buffer))).toMatchObject({
      min: 2n ** 53n + 1n,
      max: 2n ** 64n - 1n,
    });
  });
});
