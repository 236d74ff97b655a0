import { readFile } from 'node:fs/promises';
import type { PageAssets } from '../report/html-page.ts';

/** What the build makes for the page: the same two levels up from the sources, from what tsc emits and from the bundle. */
const BUILT = new URL('../../dist/page/', import.meta.url);

/** @throws Error of the file system where the installation is not whole, or nothing was built yet. */
export async function pageAssets(): Promise<PageAssets> {
  const [script, style] = await Promise.all(
    ['page.js', 'page.css'].map((name) => readFile(new URL(name, BUILT), 'utf8')),
  );
  return { script: script as string, style: style as string };
}
