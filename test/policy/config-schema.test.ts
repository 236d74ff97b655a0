import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/policy/config-schema.ts';
import { schemaValidator } from '../support/schema.ts';

const complaints = schemaValidator('config');

const GOOD: unknown[] = [
  {},
  { $schema: './schemas/config.schema.json', extends: 'strict' },
  { extends: ['recommended', 'cpu-serving'], failOn: 'warning', maxWarnings: 0, baseline: 'b.json' },
  { rules: { 'device/cuda-tag': 'off', 'device/*': 'info', '*': 'warning' } },
  {
    rules: {
      'budget/file-bytes': ['warning', { max: 5 }],
      'policy/dtype': ['error', { allow: ['float32'] }],
    },
  },
  {
    budgets: { fileBytes: '1.5 GB', parameters: 7, wastedBytes: null },
    allow: { dtypes: null, globals: [] },
  },
  { files: ['models'], ignore: ['**/tmp/**'], expect: 'keys.json' },
  { overrides: [{ files: ['*.bin'], rules: { 'keys/module-prefix': 'off' }, expect: null }] },
];

const BAD: [unknown, string][] = [
  [[], 'the whole file: expected an object, found []'],
  ['strict', 'the whole file: expected an object'],
  [{ rule: {} }, 'rule: there is no such key'],
  [{ extends: 'lax' }, 'extends: expected one of recommended, strict, cpu-serving, release, found "lax"'],
  [{ extends: ['strict', 'lax'] }, 'extends[1]: expected one of'],
  [{ rules: { 'device/cuda-tag': 'warn' } }, 'rules.device/cuda-tag: expected error, warning, info or off'],
  [{ rules: { 'device/cuda-tag': ['warning'] } }, 'rules.device/cuda-tag[1]: expected'],
  [{ rules: { 'device/cuda-tag': ['warning', {}, 1] } }, 'rules.device/cuda-tag'],
  [{ rules: [] }, 'rules: expected an object'],
  [{ budgets: [] }, 'budgets: expected an object of budgets, found []'],
  [{ budgets: { bytes: 1 } }, 'budgets.bytes: there is no such key'],
  [
    { budgets: { fileBytes: '5 XB' } },
    'budgets.fileBytes: expected a number of bytes or a text like "500 MB", found "5 XB"',
  ],
  [{ budgets: { fileBytes: -1 } }, 'budgets.fileBytes: expected a number of bytes'],
  [{ budgets: { parameters: 1.5 } }, 'budgets.parameters: expected a whole number from 0, found 1.5'],
  [{ allow: { dtypes: 'float32' } }, 'allow.dtypes: expected a list of texts, found "float32"'],
  [{ failOn: 'never' }, 'failOn: expected error, warning or info, found "never"'],
  [{ maxWarnings: '3' }, 'maxWarnings: expected a whole number from 0, found "3"'],
  [{ overrides: [{ rules: {} }] }, 'overrides[0].files: expected'],
  [{ overrides: [{ files: 'a' }] }, 'overrides[0].files: expected a list of texts, found "a"'],
  [{ overrides: [{ files: ['a'], extends: 'strict' }] }, 'overrides[0].extends: there is no such key'],
];

describe('parseConfig', () => {
  it.each(GOOD.map((value) => ({ value })))('takes $value, as the schema does', ({ value }) => {
    expect(() => parseConfig(value, 'c.json')).not.toThrow();
    expect(complaints(value)).toEqual([]);
  });

  it.each(BAD.map(([value, text]) => ({ value, text })))(
    'refuses $value and names the key, as the schema does',
    ({ value, text }) => {
      expect(() => parseConfig(value, 'c.json')).toThrow(`c.json: ${text}`);
      expect(complaints(value)).not.toEqual([]);
    },
  );

  it('reads sizes in powers of 1000 and of 1024', () => {
    const bytes = (fileBytes: number | string) =>
      parseConfig({ budgets: { fileBytes } }, '').budgets?.fileBytes;
    expect(['12', '500 MB', '1.5GB', '2 GiB', '3kB', 77].map(bytes)).toEqual([
      12,
      5e8,
      1.5e9,
      2 ** 31,
      3000,
      77,
    ]);
  });

  it('knows the rules and their options', () => {
    const refused = (rules: object) => () => parseConfig({ rules }, 'c.json');
    expect(refused({ 'device/cuda-tags': 'off' })).toThrow(
      'c.json: rules.device/cuda-tags: there is no such rule; did you mean device/cuda-tag?',
    );
    expect(refused({ 'x/y': 'off' })).toThrow(
      'rules.x/y: there is no such rule; ckpt-doctor rules lists them',
    );
    expect(refused({ 'nothing/*': 'off' })).toThrow('rules.nothing/*: there is no such rule');
    expect(refused({ 'budget/file-bytes': ['error', { most: 1 }] })).toThrow(
      'rules.budget/file-bytes[1].most: there is no such option; there is max',
    );
    expect(refused({ 'budget/file-bytes': ['error', { max: '1' }] })).toThrow(
      'rules.budget/file-bytes[1].max: expected a number, found a text',
    );
    expect(refused({ 'policy/dtype': ['error', { allow: 1 }] })).toThrow(
      'expected a list of texts, found a number',
    );
    expect(refused({ 'device/*': ['error', { max: 1 }] })).toThrow('there is no such option');
  });

  it('tells what is wrong in an override', () => {
    const overrides = [{ files: ['a'] }, { files: ['b'], rules: { 'keys/none': 'off' } }];
    expect(() => parseConfig({ overrides }, 'c.json')).toThrow(
      'c.json: overrides[1].rules.keys/none: there is no such rule',
    );
  });

  it('tells of no more than anybody mends at once, on one line', () => {
    const rules = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`a/b${index}`, 'no\nsuch']));
    expect(() => parseConfig({ rules }, 'c.json')).toThrow(/^[^\n]*; and 4 more$/);
  });
});
