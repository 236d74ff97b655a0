import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32ToBfloat16, float32ToHalf } from '../../src/numeric/half-kernels.ts';
import { vectorKernels } from '../../src/numeric/vector-kernels.ts';
import { allocate } from '../../src/vector/machine.ts';

describe.each([
  ['float16', float32ToHalf],
  ['bfloat16', float32ToBfloat16],
] as const)('narrowing to %s by vectors', (name, kernel) => {
  const word = fc.oneof(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc
      .tuple(
        fc.constantFrom(0x33000000, 0x38800000, 0x477ff000, 0x7f7f8000, 0x7f800000, 0),
        fc.integer({ min: -9, max: 9 }),
        fc.boolean(),
      )
      .map(([bits, step, minus]) => (bits + step + (minus ? 0x80000000 : 0)) >>> 0),
  );

  it('is what it is one by one, whatever the number of values', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 70 }), (words) => {
        const from = Uint32Array.from(words);
        const expected = new Uint16Array(from.length);
        const overflow = kernel(from, expected);
        const into = new Uint8Array(from.length * 2);
        expect(vectorKernels?.[name](new Uint8Array(from.buffer), into)).toBe(overflow);
        expect(into).toEqual(new Uint8Array(expected.buffer));
      }),
      { numRuns: 500 },
    );
  });

  it('holds over many blocks', () => {
    const from = Uint32Array.from({ length: 100_003 }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 0);
    const expected = new Uint16Array(from.length);
    const overflow = kernel(from, expected);
    const into = new Uint8Array(from.length * 2);
    expect(vectorKernels?.[name](new Uint8Array(from.buffer), into)).toBe(overflow);
    expect(Buffer.from(expected.buffer).equals(into)).toBe(true);
  });

  it.each([
    [0, 100_000],
    [64, 16_384],
    [12, 16_390],
    [4, 7],
  ])('works in its own memory where it is: from byte %i on, %i numbers', (start, count) => {
    const from = Uint32Array.from({ length: count }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 0);
    const expected = new Uint16Array(count);
    const overflow = kernel(from, expected);
    const memory = allocate(start + count * 6 + 80);
    // what stands around the numbers overflows, and is none of them
    new Uint8Array(memory.buffer).fill(0x7f);
    memory.set(new Uint8Array(from.buffer), start);
    const into = memory.subarray(start + count * 4 + 40, start + count * 6 + 40);
    const behind = Buffer.from(memory.subarray(start + count * 6 + 40));
    expect(vectorKernels?.[name](memory.subarray(start, start + count * 4), into)).toBe(overflow);
    expect(Buffer.from(expected.buffer).equals(into)).toBe(true);
    expect(memory.subarray(start + count * 6 + 40).equals(behind)).toBe(true);
  });
});
