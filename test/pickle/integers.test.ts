import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLong, encodeLong, narrow } from '../../src/pickle/integers.ts';
import { decodedValue, encode } from './stream.ts';

/** Two's complement by BigInt's own arithmetic. */
function bigintOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const [index, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * index);
  return BigInt.asIntN(8 * bytes.length, value);
}

const anyInteger = fc.oneof(
  fc.bigInt({ min: -(2n ** 2100n), max: 2n ** 2100n }),
  // the edges of every byte length
  fc
    .tuple(fc.integer({ min: 0, max: 2100 }), fc.constantFrom(-1n, 0n, 1n), fc.boolean())
    .map(([bits, step, negative]) => (negative ? -1n : 1n) * (1n << BigInt(bits)) + step),
);

describe('integers', () => {
  it('read back as they were written, in the fewest bytes', () => {
    fc.assert(
      fc.property(anyInteger, (value) => {
        const bytes = encodeLong(narrow(value));
        expect(BigInt(decodeLong(bytes))).toBe(value);
        expect(bigintOf(bytes)).toBe(value);
        if (bytes.length > 0) expect(bigintOf(bytes.subarray(0, -1))).not.toBe(value);
      }),
    );
  });

  it('read as BigInt reads any bytes, padded ones too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(BigInt(decodeLong(bytes))).toBe(bigintOf(bytes));
      }),
    );
  });

  it('are numbers while they are safe, and bigints beyond', () => {
    fc.assert(
      fc.property(anyInteger, (value) => {
        const expected = Number.isSafeInteger(Number(value)) && BigInt(Number(value)) === value;
        expect(typeof decodeLong(encodeLong(value))).toBe(expected ? 'number' : 'bigint');
        expect(Object.is(decodeLong(encodeLong(0)), 0)).toBe(true);
      }),
    );
  });

  const integers: [string, string][] = JSON.parse(readFileSync('test/pickle/cpython.json', 'utf8')).integers;
  it.each(integers.map(([digits, hash]) => [digits.slice(0, 24), digits, hash]))(
    '%s… has the bytes that CPython gives it',
    async (_short, digits, hash) => {
      const value = narrow(BigInt(digits as string));
      const bytes = await encode(value);
      expect(createHash('sha256').update(bytes).digest('hex').slice(0, 32)).toBe(hash);
      expect(await decodedValue(bytes)).toBe(value);
    },
  );
});
