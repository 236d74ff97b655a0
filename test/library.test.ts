import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtBin } from './support/built-bin.ts';

/** As much of TensorFlow.js as the example shows. */
const TFJS = `data:text/javascript,${encodeURIComponent(
  'export const tensor = (values, shape, dtype) => ({ shape, dtype, dispose() {} }); export const dispose = () => {};',
)}`;

const page = readFileSync('docs/library.md', 'utf8');
const EXAMPLES = [...page.matchAll(/^## (.+)$|^```js\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```$/gm)]
  .reduce<{ title: string; code: string; prints: string }[]>((examples, [, title, code, prints]) => {
    if (title !== undefined) examples.push({ title, code: '', prints: '' });
    else examples.push({ title: examples.at(-1)?.title ?? '', code: code ?? '', prints: prints ?? '' });
    return examples;
  }, [])
  .filter(({ code }) => code !== '');

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-library-'));
beforeAll(() => void builtBin());
afterAll(() => rmSync(folder, { recursive: true }));

describe('docs/library.md', () => {
  it('has an example under each head', () => {
    expect(EXAMPLES.map(({ title }) => title)).toEqual([
      'Open a checkpoint',
      'Read a tensor',
      'Read a tensor',
      'Read a tensor',
      'Hand a tensor to TensorFlow.js',
      'Diagnose',
      'Heal',
      'Errors',
    ]);
    expect(page.match(/^```js$/gm)).toHaveLength(EXAMPLES.length);
  });

  it.each(EXAMPLES)('prints what the page says: $title', ({ code, prints }) => {
    const written = code
      .replaceAll("'@tensorflow/tfjs'", JSON.stringify(TFJS))
      .replaceAll("'healed.pth'", JSON.stringify(path.join(folder, 'healed.pth')));
    // the package names itself, as it would be named from outside
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-'], {
      input: written,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    expect(stderr).toBe('');
    expect(stdout).toBe(prints);
  });
});
