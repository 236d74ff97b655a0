import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const FOLDER = 'docs/formats';
const pages = readdirSync(FOLDER);
const index = readFileSync(`${FOLDER}/README.md`, 'utf8');
const { enum: kinds } = JSON.parse(readFileSync('schemas/inspect.schema.json', 'utf8')).$defs.container
  .properties.kind as { enum: string[] };

describe('the pages of the formats', () => {
  it.each(pages.filter((page) => page !== 'README.md'))('%s is in the index', (page) => {
    expect(index).toContain(`](${page})`);
  });

  it('has every container that is opened', () => {
    expect([...index.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, kind]) => kind).sort()).toEqual(
      kinds.filter((kind) => !['unknown', 'numpy-npz'].includes(kind)).sort(),
    );
  });

  it.each([...pages.map((page) => `${FOLDER}/${page}`), 'docs/remote.md', 'README.md'])(
    '%s links to what is there',
    (page) => {
      const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)/g)];
      for (const [, link] of links)
        expect(existsSync(path.join(path.dirname(page), link as string)), link).toBe(true);
    },
  );
});
