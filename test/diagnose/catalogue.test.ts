import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { docsPath } from '../../src/diagnose/engine.ts';
import { RULES } from '../../src/diagnose/rules/index.ts';
import { CASES } from './cases.ts';

const top = new URL('../../', import.meta.url);
const LONGEST_RULE = 100;

/** `category/name` of the files under a folder, without their extension. */
function idsIn(folder: string, extension: string): string[] {
  return readdirSync(fileURLToPath(new URL(folder, top)), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith(extension) && path.includes('/'))
    .map((path) => path.slice(0, -extension.length))
    .sort();
}

const read = (path: string) => readFileSync(new URL(path, top), 'utf8');
const ids = RULES.map(({ id }) => id);

describe('the catalogue', () => {
  it('lists every rule file once', () => {
    expect([...ids].sort()).toEqual(idsIn('src/diagnose/rules/', '.ts'));
  });

  it('has a page for every rule, and no page without one', () => {
    expect(idsIn('docs/rules/', '.md')).toEqual([...ids].sort());
  });

  it('has cases for every rule, and none without one', () => {
    expect(Object.keys(CASES).sort()).toEqual([...ids].sort());
  });
});

describe.each(RULES.map((rule) => ({ rule, id: rule.id })))('$id', ({ rule, id }) => {
  it('stands in the file of its name, which is short', async () => {
    const file = `src/diagnose/rules/${id}.ts`;
    const module = (await import(new URL(file, top).href)) as { default: unknown };
    expect(module.default).toBe(rule);
    expect(read(file).split('\n').length).toBeLessThanOrEqual(LONGEST_RULE);
  });

  it('has an id in kebab case and a title that fits a list', () => {
    expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*\/[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(rule.title).toMatch(/^[A-Z].*[^.]$/);
    expect(rule.title.length).toBeLessThanOrEqual(80);
  });

  it('has a page that opens with the error texts and says why, how to heal and how to accept', () => {
    const page = read(docsPath(id));
    expect(page).toMatch(new RegExp(`^# ${id}\\n\\n\`\`\`text\\n\\S`));
    expect(page.match(/^## .*$/gm)).toEqual(['## Why', '## How to heal it', '## How to accept it']);
    expect(page).toContain('ckpt-doctor fix');
  });

  it('has fixtures that trigger it and fixtures that do not', () => {
    expect(CASES[id]?.triggers).not.toHaveLength(0);
    expect(CASES[id]?.quiet).not.toHaveLength(0);
  });
});
