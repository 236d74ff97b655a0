import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/engine.ts';
import type { Value } from '../../src/pickle/values.ts';
import { call, checkpointOf, dict, instance, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import { network } from './case-builders.ts';
import { fixturePath, withCheckpoint } from './fixtures.ts';

const found = (root: Value) => diagnose(checkpointOf(root)).filter(({ rule }) => rule.startsWith('globals/'));

describe('what torch says of globals', () => {
  const expected = JSON.parse(readFileSync(fixturePath('expected.json'), 'utf8')) as {
    files: { file: string; findings: string[]; plain: string }[];
  };
  const refused = expected.files.filter(({ plain }) => plain.includes('Unsupported global: GLOBAL'));

  it.each(refused.filter(({ findings }) => findings.some((id) => id.startsWith('globals/'))))(
    'is what a finding of $file quotes',
    async ({ file, plain }) => {
      const findings = await withCheckpoint({ file }, (checkpoint) => diagnose(checkpoint));
      const quotes = findings.map(
        ({ message }) => message.match(/fails with "(Unsupported global[^"]+)"/)?.[1],
      );
      expect(quotes.filter((quote) => quote && plain.endsWith(quote))).toHaveLength(1);
    },
  );
});

describe('the rules of globals', () => {
  it('speak of each global once', () => {
    const names = ['argparse.Namespace', 'models.Net', '__main__.Net', 'datetime.date', 'pathlib.PosixPath'];
    const findings = found(dict(Object.fromEntries(names.map((name) => [name, call(name)]))));
    expect(
      findings.flatMap(({ subjects }) => subjects.map((subject) => subject.split(' ')[0])).sort(),
    ).toEqual([...names].sort());
  });

  it('tell how often a global is used, and where first', () => {
    const [finding] = found(dict({ a: dict({ when: call('datetime.date') }), b: call('datetime.date') }));
    expect(finding?.subjects).toEqual(['datetime.date (2× at a.when)']);
    expect(finding?.message).toContain('datetime.date (2×)');
  });

  it('call builtins what torch calls them, in pickles of Python 2 too', () => {
    const [finding] = found(dict({ s: call('__builtin__.frozenset') }));
    expect(finding?.message).toContain('"Unsupported global: GLOBAL frozenset"');
    expect(finding?.subjects[0]).toContain('builtins.frozenset');
  });

  it('advise nobody to run what runs code', () => {
    const [finding] = found(dict({ s: call('posix.system', 'true'), weight: tensor() }));
    expect(finding?.message).toContain('whose module posix is blocked');
    expect(finding?.message).toContain('do not load it with weights_only=False');
    expect(finding?.message).not.toContain('where you trust');
  });

  it('heal a module by its state_dict where nothing stands beside it', () => {
    const module = () =>
      instance('models.Net', {
        _parameters: dict({ weight: tensor() }),
        _buffers: dict({}),
        _modules: dict({}),
      });
    const fixes = (root: Value) =>
      diagnose(checkpointOf(root))
        .filter(({ rule }) => /^(globals|content)\//.test(rule))
        .map(({ fix }) => fix.join(' '));
    expect(fixes(dict({ model: module(), epoch: 3 }))).toEqual(['--weights', '--weights']);
    expect(fixes(dict({ model: module(), extra: tensor() }))).toEqual(['', '']);
  });

  it('heal by plain values where all of them have one', () => {
    const fixes = (root: Value) => found(root).map(({ fix }) => fix.join(' '));
    const args = () => call('argparse.Namespace');
    expect(fixes(dict({ model: orderedDict(network()), args: args() }))).toEqual(['--safe']);
    expect(fixes(dict({ args: args(), dir: call('pathlib.PosixPath', '/', 'runs') }))).toEqual([
      '--safe',
      '--safe',
    ]);
    expect(fixes(dict({ args: args(), when: call('datetime.date') }))).toEqual(['', '']);
  });

  it('name the way to the weights alone where objects stand beside them that have no plain value', () => {
    const [finding] = found(dict({ model: orderedDict(network()), when: call('datetime.date') }));
    expect(finding).toMatchObject({ severity: 'error', fix: [] });
    expect(finding?.message).toContain('fix --weights writes the state_dict alone');
    expect(finding?.message).toContain('no plain value says the same as datetime.date');
  });
});
