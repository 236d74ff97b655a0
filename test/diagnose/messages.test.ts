import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/engine.ts';
import type { Finding } from '../../src/diagnose/finding.ts';
import type { OpName } from '../../src/pickle/opcodes.ts';
import type { Value } from '../../src/pickle/values.ts';
import {
  type CheckpointOptions,
  call,
  checkpointOf,
  dict,
  orderedDict,
  tensor,
} from '../support/checkpoint-builder.ts';
import { network } from './case-builders.ts';
import { payload } from './cases.ts';
import { fixturePath, withCheckpoint } from './fixtures.ts';

function only(rule: string, root: Value, options?: CheckpointOptions): Finding {
  const findings = diagnose(checkpointOf(root, options)).filter((finding) => finding.rule === rule);
  expect(findings).toHaveLength(1);
  return findings[0] as Finding;
}

const tagged = (...tags: string[]) =>
  orderedDict(Object.fromEntries(tags.map((location, index) => [`${index}.weight`, tensor({ location })])));
const protocol = (number: number, opcodes: OpName[], options: CheckpointOptions = {}) =>
  only('pickle/protocol', dict({}), { protocol: number, opcodes, ...options });

describe('what torch says', () => {
  const expected = JSON.parse(readFileSync(fixturePath('expected.json'), 'utf8')) as {
    files: { file: string; findings: string[]; plain: string }[];
  };
  // what only a device can keep from loading: another fault may come first in the other files
  const refused = expected.files.filter(
    ({ findings, plain }) => plain !== 'ok' && findings.some((id) => /^(device|pickle)\//.test(id)),
  );

  it.each(refused.filter(({ file }) => !/protocol_0|xla_arrays|state_dict_3/.test(file)))(
    'is what the gravest finding of $file quotes',
    async ({ file, plain }) => {
      const [finding] = await withCheckpoint({ file }, (checkpoint) => diagnose(checkpoint));
      const quote = finding?.message.match(/with "([^"]+)"/)?.[1];
      expect(quote).toBeTruthy();
      expect(plain).toContain(quote);
    },
  );
});

describe('device/cuda-tag', () => {
  it('tells of the number of GPUs that the highest index asks for', () => {
    const finding = only('device/cuda-tag', tagged('cuda:0', 'cuda:3', 'cpu'));
    expect(finding.message).toContain('2 tensors are tagged cuda:0 and cuda:3');
    expect(finding.message).toContain('With fewer than 4 GPUs');
    expect(finding.subjects).toEqual(['0.weight', '1.weight']);
    expect(only('device/cuda-tag', tagged('cuda:0')).message).not.toContain('fewer');
  });
});

describe('device/exotic-tag', () => {
  it.each([
    ['mps:0', 'Storage device not recognized: mps'],
    ['mtia', 'Attempting to deserialize object on a MTIA device but torch.mtia.is_available() is False'],
    ['hpu:0', 'The HPU device module is not registered'],
    ['cuda:01', "Invalid device string: 'cuda:01'"],
    ['xpu0', "Invalid device string: 'xpu0'"],
    ['hpux', '(tagged with hpux)'],
    ['meta:0', '(tagged with meta:0)'],
  ])('quotes for %s what torch 2.13 says', (tag, text) => {
    expect(only('device/exotic-tag', tagged(tag)).message).toContain(text);
  });

  it('spells out what a tag hides', () => {
    expect(only('device/exotic-tag', tagged('a\u001b[2Jb')).message).toContain('(tagged with a\\u001b[2Jb)');
  });
});

describe('keys/module-prefix', () => {
  it('is sure where all keys have the prefix, and heals it', () => {
    const finding = only('keys/module-prefix', orderedDict(network({}, 'module.')));
    expect(finding).toMatchObject({ severity: 'warning', fix: ['--strip-module'], count: 7 });
    expect(finding.message).toContain('Missing key(s) in state_dict: "conv.weight"');
  });

  it('counts what is partial, and leaves the judgement to the reader', () => {
    const finding = only(
      'keys/module-prefix',
      orderedDict({ ...network({}, 'module.'), 'head.weight': tensor() }),
    );
    expect(finding).toMatchObject({ severity: 'info', fix: [], count: 7 });
    expect(finding.message).toContain('7 of 8 keys in the root');
  });

  it('takes the counter of AveragedModel for a part of the wrapper', () => {
    const counter = tensor({ shape: [], dtype: 'int64' });
    const finding = only(
      'keys/module-prefix',
      orderedDict({ n_averaged: counter, ...network({}, 'module.') }),
    );
    expect(finding).toMatchObject({ severity: 'warning', fix: ['--strip-module'] });
    expect(finding.message).toContain('7 of 8 keys');
  });
});

describe('dtype/mixed-float', () => {
  it('names the odd ones and the error between the two', () => {
    const finding = only(
      'dtype/mixed-float',
      dict({
        ema: orderedDict({ ...network(), 'fc.weight': tensor({ shape: [10, 8], dtype: 'bfloat16' }) }),
      }),
    );
    expect(finding).toMatchObject({
      severity: 'warning',
      subjects: ['ema.fc.weight'],
      fix: ['--dtype', 'float32'],
    });
    expect(finding.message).toContain('1 of 6 floating-point tensors in ema is bfloat16');
    expect(finding.message).toContain('got Float and BFloat16');
  });

  it('names a cast only where no number changes by it, and no model grows', () => {
    const head = { 'fc.weight': tensor({ shape: [10, 8], dtype: 'float16' }) };
    const mixed = orderedDict({ ...network(), ...head });
    const fixOf = (root: Value) => only('dtype/mixed-float', root).fix;
    expect(fixOf(mixed)).toEqual(['--dtype', 'float32']);
    expect(fixOf(dict({ mixed, steps: tensor({ dtype: 'float64' }) }))).toEqual([]);
    expect(fixOf(dict({ mixed, ema: orderedDict(network({ dtype: 'float16' })) }))).toEqual([]);
    expect(fixOf(orderedDict({ ...network({ dtype: 'float16' }), 'fc.weight': tensor() }))).toEqual([]);
  });

  it('takes wide normalisation for deliberate, and does not count it with what is not', () => {
    const kept = {
      ...network({ dtype: 'float16' }),
      'bn.weight': tensor({ shape: [8] }),
      'rope.inv_freq': tensor(),
    };
    const deliberate = only('dtype/mixed-float', orderedDict(kept));
    expect(deliberate).toMatchObject({ severity: 'info', subjects: ['bn.weight', 'rope.inv_freq'] });
    expect(deliberate.message).toContain('normalisation layers or buffers');
    const alarming = only('dtype/mixed-float', orderedDict({ ...kept, 'fc.bias': tensor({ shape: [10] }) }));
    expect(alarming).toMatchObject({ severity: 'warning', subjects: ['fc.bias'] });
  });

  it('speaks once of many models', () => {
    const model = () => orderedDict({ ...network(), 'fc.weight': tensor({ dtype: 'float16' }) });
    const finding = only('dtype/mixed-float', dict({ a: model(), b: model() }));
    expect(finding.subjects).toEqual(['a.fc.weight', 'b.fc.weight']);
    expect(finding.message).toContain('and likewise in b');
  });
});

describe('pickle/protocol', () => {
  it('names the operand that torch meets first', () => {
    expect(protocol(0, ['PUT', 'DICT', 'INT']).message).toContain('"Unsupported operand 100" (DICT)');
    expect(protocol(0, ['BININT', 'INT']).message).toMatch(/protocol 1: .*"Unsupported operand 73" \(INT\)/);
    expect(protocol(5, ['PROTO', 'BINBYTES', 'FRAME']).message).toContain(
      '"Unsupported operand 149" (FRAME)',
    );
    expect(protocol(4, ['PROTO', 'SHORT_BINUNICODE']).message).toContain('"Unsupported operand 140"');
  });

  it('heals frozensets by plain sets, where all else has a plain value too', () => {
    expect(protocol(4, ['PROTO', 'FROZENSET']).fix).toEqual(['--safe']);
    const date = only('pickle/protocol', dict({ date: call('datetime.date') }), {
      protocol: 4,
      opcodes: ['PROTO', 'FROZENSET'],
    });
    expect(date.fix).toEqual(['--auto']);
  });

  it('says which torch loads the file all the same', () => {
    const loads = 'torch up to 2.5, and weights_only=False since, load it';
    expect(protocol(4, ['PROTO', 'FRAME']).message).toContain(`${loads}.`);
    expect(protocol(5, ['PROTO', 'FRAME']).message).toContain(`${loads} under Python 3.8 or newer.`);
    expect(protocol(0, ['PERSID', 'PUT']).message).not.toContain('torch up to');
    expect(protocol(9, ['PROTO', 'FRAME']).message).not.toContain('torch up to');
  });

  it('only warns of a protocol whose opcodes are all read', () => {
    expect(protocol(3, ['PROTO', 'BINUNICODE'])).toMatchObject({ severity: 'warning', fix: ['--auto'] });
    expect(protocol(3, ['PROTO', 'SHORT_BINBYTES']).severity).toBe('error');
    expect(protocol(4, ['PROTO', 'EMPTY_DICT']).message).toContain('Detected pickle protocol 4');
  });

  it('says where the full unpickler fails too', () => {
    expect(protocol(0, ['PERSID', 'PUT']).message).toContain('"saved_id must be a tuple, got str"');
    expect(protocol(9, ['PROTO', 'EMPTY_DICT'])).toMatchObject({ severity: 'error' });
    expect(protocol(9, ['PROTO', 'EMPTY_DICT']).message).toContain('unsupported pickle protocol: 9');
  });

  it('promises no cure for what protocol 2 can not say', () => {
    const long = { offset: 0, length: 5 * 2 ** 30, opcode: 'BINUNICODE8' };
    expect(protocol(4, ['PROTO', 'FRAME'], { longPayloads: [long] }).fix).toEqual([]);
    expect(protocol(4, ['PROTO', 'FRAME'], { longPayloads: [{ ...long, length: 2 ** 21 }] }).fix).toEqual([
      '--auto',
    ]);
    expect(protocol(2, ['PROTO', 'POP'])).toMatchObject({ severity: 'error', fix: [] });
    expect(protocol(0, ['PERSID', 'PUT']).fix).toEqual([]);
  });
});

describe('pickle/inline-bytes-huge', () => {
  const said = (bytes: number, opcode: string, number: number) =>
    diagnose(payload(bytes, opcode, number)).find(({ rule }) => rule === 'pickle/inline-bytes-huge');

  it('is an error from 4 GiB on, a warning before, and says where', () => {
    expect(said(4 * 2 ** 30, 'BINBYTES8', 4)?.severity).toBe('error');
    const near = said(1.5 * 2 ** 30, 'BINBYTES', 3);
    expect(near?.severity).toBe('warning');
    expect(near?.message).toContain('1.5 GiB (index.vectors)');
    expect(near?.message).toContain('up to 3.0 GiB');
  });

  it('knows that text does not grow', () => {
    expect(said(3 * 2 ** 30, 'BINUNICODE', 2)?.message).not.toContain('may take up');
  });
});
