import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../src/formats/key-table.ts';

describe('a table of keys', () => {
  it('keeps what a map keeps, whatever the keys', () => {
    const key = fc.oneof(
      fc.nat(40).map(String),
      fc.constantFrom('00', '01', '', 'a', '94839483', '__proto__'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.nat())), fc.nat(20), (pairs, expected) => {
        const map = new Map<string, number>();
        const table = new KeyTable<number>(expected);
        for (const [name, value] of pairs) {
          map.set(name, value);
          table.set(name, value);
        }
        expect(table.size).toBe(map.size);
        for (const [name] of [...pairs, ['41', 0] as const]) expect(table.get(name)).toBe(map.get(name));
      }),
    );
  });
});
