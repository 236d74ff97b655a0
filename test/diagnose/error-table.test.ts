import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readRulePages } from '../../src/cli/pages.ts';
import { ErrorLookup } from '../../src/diagnose/error-lookup.ts';
import { RULES } from '../../src/diagnose/rules/index.ts';

const page = readFileSync('docs/errors.md', 'utf8');
const lookup = new ErrorLookup(await readRulePages());
const ROWS = [...page.matchAll(/^\| `(.+)` \| (\[.*) \|$/gm)].map(([, text, rules]) => ({
  text: text as string,
  rules: [...(rules as string).matchAll(/\[([^\]]+)\]/g)].map(([, id]) => id as string),
}));

describe('the table of errors', () => {
  it('is read', () => {
    expect(ROWS.length).toBeGreaterThan(80);
  });

  it.each(ROWS)('leads from $text to what explain finds', ({ text, rules }) => {
    const found = lookup.find(text).map(({ id }) => id);
    expect(rules).toContain(found[0]);
  });

  it('links to pages that are there', () => {
    const links = [...page.matchAll(/\[([^\]]+)\]\((rules\/[^)]+)\)/g)];
    for (const [, id, target] of links) {
      expect(target).toBe(`rules/${id}.md`);
      expect(existsSync(`docs/${target}`)).toBe(true);
      expect(RULES.some((rule) => rule.id === id)).toBe(true);
    }
  });
});
