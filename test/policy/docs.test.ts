import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/policy/config-schema.ts';
import { schemaValidator } from '../support/schema.ts';

const complaints = schemaValidator('config');
const pages = [
  'README.md',
  'docs/check.md',
  ...['expect', 'budget', 'policy'].flatMap((category) =>
    readdirSync(`docs/rules/${category}`).map((name) => `docs/rules/${category}/${name}`),
  ),
];
const snippets = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/^```json\n(.*?)^```$/gms)].map(([, text]) => ({
    page,
    text: text as string,
  })),
);

describe('the documents', () => {
  it('show policies', () => {
    expect(snippets.length).toBeGreaterThan(8);
  });

  it.each(snippets)('show a policy that works in $page', ({ text }) => {
    const value = JSON.parse(text);
    const config = 'scripts' in value ? value['ckpt-doctor'] : value;
    expect(complaints(config)).toEqual([]);
    expect(() => parseConfig(config, 'snippet')).not.toThrow();
  });

  it.each(
    [...readFileSync('docs/check.md', 'utf8').matchAll(/\]\(((?:rules|\.\.)\/[^)]+)\)/g)].map(
      ([, link]) => link as string,
    ),
  )('link to %s, which is there', (link) => {
    expect(readFileSync(`docs/${link}`, 'utf8')).not.toBe('');
  });
});
