import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAllowedGlobal, python3Name } from '../../src/torch/allowlist.ts';

/** The keys of `torch._weights_only_unpickler._get_allowed_globals()` of torch 2.13.0, sorted. */
const NAMES: string[] = JSON.parse(readFileSync('test/torch-forms/allowed-globals.json', 'utf8'));

const split = (name: string): [string, string] => [
  name.slice(0, name.lastIndexOf('.')),
  name.slice(name.lastIndexOf('.') + 1),
];

describe('the allowlist of weights_only', () => {
  it('takes all that torch 2.13 takes', () => {
    expect(NAMES).toHaveLength(144);
    expect(NAMES.filter((name) => !isAllowedGlobal(...split(name)))).toEqual([]);
  });

  it('takes nothing else', () => {
    // neighbours of what is taken: other modules' names in each module
    const taken = new Set(NAMES);
    const modules = new Set(NAMES.map((name) => split(name)[0]));
    const names = new Set(NAMES.map((name) => split(name)[1]));
    for (const module of modules) {
      for (const name of names) expect(isAllowedGlobal(module, name)).toBe(taken.has(`${module}.${name}`));
    }
    for (const name of [
      'builtins.eval',
      'builtins.getattr',
      'os.system',
      'torch.load',
      'posix.system',
      'numpy.dtype',
    ]) {
      expect(isAllowedGlobal(...split(name))).toBe(false);
    }
  });

  it('reads names of Python 2 as Python 3 does', () => {
    expect(python3Name('__builtin__', 'set')).toBe('builtins.set');
    expect(python3Name('copy_reg', '_reconstructor')).toBe('copyreg._reconstructor');
    expect(python3Name('torch', 'Size')).toBe('torch.Size');
    expect(isAllowedGlobal('__builtin__', 'set')).toBe(true);
    expect(isAllowedGlobal('__builtin__', 'eval')).toBe(false);
    expect(python3Name('constructor', 'x')).toBe('constructor.x');
  });
});
