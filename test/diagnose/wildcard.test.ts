import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isListed } from '../../src/diagnose/wildcard.ts';

describe('isListed', () => {
  it.each([
    ['cuda:0', ['cuda:*'], true],
    ['cuda', ['cuda:*'], false],
    ['anything', ['*'], true],
    ['', ['*'], true],
    ['torch.nn.Linear', ['numpy.*', 'torch.*.Linear'], true],
    ['torch.Linear', ['torch.*.Linear'], false],
    ['aba', ['a*ba*a'], false],
    ['ab', ['a*b*b'], false],
    ['float32', [], false],
    ['a.b', ['a?b'], false],
  ])('%s on %j: %s', (name, list, expected) => {
    expect(isListed(name, list)).toBe(expected);
  });

  it('agrees with a regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 8 });
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 }),
        letters,
        (name, pattern) => {
          const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*');
          expect(isListed(name, [pattern])).toBe(new RegExp(`^${source}$`).test(name));
        },
      ),
    );
  });
});
