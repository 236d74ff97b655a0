import { readFile } from 'node:fs/promises';
import { docsPath } from '../diagnose/engine.ts';
import { RULES } from '../diagnose/rules/index.ts';
import type { CheckDocument } from '../report/check-document.ts';
import type { RulePage, SarifOptions } from '../report/sarif.ts';

/** From here, and from the bundle too. */
const PACKAGE = new URL('../../', import.meta.url);

/** What SARIF tells of the rules of a document: their pages, as this installation has them. */
export async function sarifOptions({ files }: CheckDocument): Promise<SarifOptions> {
  const ids = new Set(files.flatMap(({ findings }) => findings.map(({ rule }) => rule)));
  const used = RULES.filter(({ id }) => ids.has(id));
  const { version } = JSON.parse(await readFile(new URL('package.json', PACKAGE), 'utf8'));
  const rules = new Map<string, RulePage>();
  for (const { id, title, severity } of used) {
    const page = await readFile(new URL(docsPath(id), PACKAGE), 'utf8').catch(() => title);
    rules.set(id, { title, severity, page });
  }
  return { version, rules, folder: process.cwd() };
}
