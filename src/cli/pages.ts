import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { RulePage } from '../diagnose/error-lookup.ts';

/** The same two levels up from the sources, from what tsc emits and from the bundle. */
const PAGES = new URL('../../docs/rules/', import.meta.url);
const EXTENSION = '.md';

/** The page of a rule, as it ships with the package. @throws Error of the file system where the installation is not whole. */
export async function readRulePage(id: string): Promise<RulePage> {
  return { id, markdown: await readFile(fileURLToPath(new URL(id + EXTENSION, PAGES)), 'utf8') };
}

/** All pages, in the order of their names. */
export async function readRulePages(): Promise<RulePage[]> {
  const files = await readdir(fileURLToPath(PAGES), { recursive: true });
  const ids = files
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.includes('/') && file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length));
  return Promise.all(ids.sort().map(readRulePage));
}
