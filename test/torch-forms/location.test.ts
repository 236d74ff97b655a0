import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../src/io/errors.ts';
import { parseLocationMap } from '../../src/torch/location.ts';

describe('parseLocationMap', () => {
  it.each([
    ['cpu', 'cuda:0', 'cpu'],
    [' cpu ', 'mps', 'cpu'],
    ['cuda:1', 'cpu', 'cuda:1'],
    ['mps', 'cuda', 'mps'],
    ['privateuseone:0', 'cpu', 'privateuseone:0'],
    ['cuda:0=cpu', 'cuda:0', 'cpu'],
    ['cuda:0=cpu', 'cuda:1', 'cuda:1'],
    ['cuda:0=cpu,cuda:1=cuda:0', 'cuda:1', 'cuda:0'],
    ['cuda:0=cuda:1,cuda:1=cuda:0', 'cuda:0', 'cuda:1'],
    [' cuda:0 = cpu , mps = cpu ', 'mps', 'cpu'],
    ['odd=tag=cpu', 'odd=tag', 'cpu'],
  ])('%s makes of %s: %s', (spec, from, to) => {
    expect(parseLocationMap(spec)(from)).toBe(to);
  });

  it.each([
    ['', 'is no device'],
    ['cpu:0', "torch restores only the exact tag 'cpu', not 'cpu:0'"],
    ['CPU', "torch restores only the exact tag 'cpu', not 'CPU'"],
    ['meta', 'the data would be lost'],
    ['cuda:x', "'cuda:x' is no device"],
    ['cuda:0,cuda:1', 'is no device'],
    ['cuda:0=', "'' is no device"],
    ['=cpu', "'=cpu' is no pair"],
    ['cuda:0=cpu,cuda:1', "'cuda:1' is no pair"],
    ['cuda:0=cpu,cuda:0=mps', "'cuda:0' stands there twice"],
    ['cuda:0=cpu:0', "torch restores only the exact tag 'cpu'"],
  ])('refuses %s', (spec, words) => {
    expect(() => parseLocationMap(spec)).toThrow(RefusedError);
    expect(() => parseLocationMap(spec)).toThrow(words);
  });
});
