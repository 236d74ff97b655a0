import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RULES } from '../../src/diagnose/rules/index.ts';
import { schemaValidator } from '../support/schema.ts';
import { run } from './run.ts';

const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

describe('rules', () => {
  it('lists every rule within 80 columns', async () => {
    const { code, stdout, stderr } = await run(['rules']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { id } of RULES) expect(stdout).toContain(` ${id} `);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  it('lists them as data', async () => {
    const { code, stdout } = await run(['rules', '--format', 'json']);
    expect(code).toBe(0);
    const document = JSON.parse(stdout);
    expect(schemaValidator('rules')(document)).toEqual([]);
    expect(document.rules.map(({ id }: { id: string }) => id)).toEqual(RULES.map(({ id }) => id));
    for (const { docs } of document.rules) expect(readFileSync(docs, 'utf8')).toContain('## Why');
  });
});

describe('explain', () => {
  it('prints the page of a rule', async () => {
    const { code, stdout, stderr } = await run(['explain', 'keys/compile-prefix']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^keys\/compile-prefix\n/);
    expect(stdout).toContain('  ckpt-doctor fix model.pth --strip-prefix _orig_mod.');
    expect(stdout).not.toContain('```');
    expect(stdout).not.toContain('##');
  });

  it('takes the second half of an id where it is the only one', async () => {
    expect((await run(['explain', 'cuda-tag'])).stdout).toMatch(/^device\/cuda-tag\n/);
    const two = RULES.map(({ id }) => id.split('/')[1]).find(
      (name, index, all) => all.indexOf(name) !== index,
    );
    if (two) expect((await run(['explain', two])).code).toBe(2);
  });

  it('prints all pages within 80 columns, but for what is there to be copied and what can not be broken', async () => {
    for (const { id } of RULES) {
      const { stdout } = await run(['explain', id]);
      const long = stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith('  '));
      expect(long).toEqual([]);
    }
  });

  it('finds the rule by the text of an error, given as one word or as many', async () => {
    const text = 'PytorchStreamReader failed locating file constants.pkl: file not found';
    expect((await run(['explain', text])).stdout).toContain('layout/not-torchscript');
    expect((await run(['explain', ...text.split(' ')])).stdout).toContain('layout/not-torchscript');
  });

  it('says what an operand is, and which file begins with it', async () => {
    const { stdout } = await run(['explain', 'Unsupported operand 118']);
    expect(stdout).toContain("118 is the letter 'v'");
    expect(stdout).toContain('Git LFS');
  });

  it('lists the rules where several speak of a text', async () => {
    const { code, stdout } = await run(['explain', 'expected scalar type Float but found Half']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d rules speak of this text:/);
    expect(stdout).toContain('dtype/mixed-float');
    expect(stdout).toContain('dtype/half-weights');
  });

  it.each([
    ['a rule that is not there', 'keys/no-such-rule', /no rule keys\/no-such-rule/],
    ['a text that nobody knows', 'the quick brown fox', /no rule speaks of this text/],
  ])('fails on %s', async (_, asked, message) => {
    const { code, stdout, stderr } = await run(['explain', asked]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^ckpt-doctor: /);
    expect(stderr).toMatch(message);
  });

  it('lets no text of the user draw on the terminal', async () => {
    const { stdout, stderr } = await run(['explain', '\u001b[2Jkeys/\u202e']);
    expect(stdout + stderr).not.toMatch(/[\u001b\u202e]/);
  });
});

it('the pages ship with the package', () => {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
  expect(files).toContain('docs');
  expect(readdirSync('docs/rules')).toContain('keys');
});
