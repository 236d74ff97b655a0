import { describe, expect, it } from 'vitest';
import { LONGEST_HASHED, LongKeys } from '../../src/io/long-keys.ts';

describe('long keys', () => {
  const countOf = (length: (index: number) => number, most: number): number => {
    const keys = new LongKeys();
    for (let index = 0; index < most; index++) {
      try {
        keys.add(length(index), index);
      } catch (error) {
        expect(error).toMatchObject({ code: 'limit', rule: 'limit/exhausted', offset: index });
        return index;
      }
    }
    return most;
  };

  it('of one length are a few hundred at most, and fewer the longer they are', () => {
    expect(countOf(() => LONGEST_HASHED + 1, 100_000)).toBe(724);
    expect(countOf(() => 2 ** 20, 100_000)).toBe(91);
  });

  it('are as many as there are where each has a length of its own, and so are short ones', () => {
    expect(countOf((index) => LONGEST_HASHED + 1 + index, 100_000)).toBe(100_000);
    expect(countOf(() => LONGEST_HASHED, 100_000)).toBe(100_000);
  });
});
