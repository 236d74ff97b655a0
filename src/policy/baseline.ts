import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Finding, Severity } from '../diagnose/finding.ts';
import { RefusedError } from '../io/errors.ts';

export const BASELINE_SCHEMA = 'ckpt-doctor/baseline/1';

/** More names than this stand as one digest: a baseline is there to be read in a review. */
const MOST_NAMES = 100;
const GRAVITY: Readonly<Record<Severity, number>> = { error: 2, warning: 1, info: 0 };

/** A finding that is accepted. */
export interface KnownFinding {
  /** Of the file, relative to the folder of the baseline, with slashes. */
  readonly path: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly count: number;
  /** Names of what it is about; where they are many, `sha256:` of them all. */
  readonly subjects: readonly string[] | string;
}

export interface BaselineDocument {
  readonly schema: typeof BASELINE_SCHEMA;
  readonly findings: readonly KnownFinding[];
}

/** The findings that a team has accepted, in a file that is kept with the code. */
export class Baseline {
  readonly file: string;
  readonly #known = new Map<string, KnownFinding[]>();

  constructor(file: string, findings: readonly KnownFinding[] = []) {
    this.file = file;
    for (const finding of findings) this.#add(finding);
  }

  /**
   * Whether a finding was accepted: the same rule for the same file, no graver, about nothing else than then. What points at hostile
   * intent is never accepted by a baseline.
   */
  knows(path: string, finding: Finding): boolean {
    if (isHostile(finding)) return false;
    return (this.#known.get(this.#name(path)) ?? []).some(
      (known) =>
        known.rule === finding.rule &&
        GRAVITY[finding.severity] <= GRAVITY[known.severity] &&
        covers(known, finding),
    );
  }

  /** Accepts these findings of a file, and no others of that file. */
  accept(path: string, findings: readonly Finding[]): void {
    const name = this.#name(path);
    this.#known.delete(name);
    for (const finding of findings) {
      const { rule, severity, count, subjects } = finding;
      if (!isHostile(finding)) this.#add({ path: name, rule, severity, count, subjects: summary(subjects) });
    }
  }

  /** The document, in an order that does not change from run to run; files that are gone are left out. */
  document(): BaselineDocument {
    const folder = dirname(this.file);
    const findings = [...this.#known.values()]
      .flat()
      .filter(({ path }) => existsSync(resolve(folder, path)))
      .sort((a, b) => compare(a.path, b.path) || compare(a.rule, b.rule));
    return { schema: BASELINE_SCHEMA, findings };
  }

  /** Writes the file whole or not at all. */
  async write(): Promise<void> {
    const temporary = join(dirname(this.file), `.ckpt-doctor-baseline-${process.pid}.tmp`);
    try {
      await writeFile(temporary, `${JSON.stringify(this.document(), null, 2)}\n`);
      await rename(temporary, this.file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw new RefusedError(
        `${relative(process.cwd(), this.file)}: the baseline can't be written: ${(error as Error).message}`,
      );
    }
  }

  #add(finding: KnownFinding): void {
    const known = this.#known.get(finding.path);
    if (known) known.push(finding);
    else this.#known.set(finding.path, [finding]);
  }

  #name(path: string): string {
    return relative(dirname(this.file), resolve(path)).replaceAll('\\', '/');
  }
}

/**
 * @param mayBeMissing For a baseline that is about to be written.
 * @throws RefusedError when the file can't be read or is no baseline.
 */
export async function readBaseline(path: string, mayBeMissing = false): Promise<Baseline> {
  const file = resolve(path);
  const source = relative(process.cwd(), file) || file;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && mayBeMissing) return new Baseline(file);
    const reason = missing
      ? 'no such baseline; --update-baseline writes one'
      : `the baseline can't be read: ${(error as Error).message}`;
    throw new RefusedError(`${source}: ${reason}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RefusedError(`${source}: the baseline is no JSON: ${(error as Error).message}`);
  }
  const { parseBaseline } = await import('./baseline-schema.ts');
  return new Baseline(file, parseBaseline(value, source).findings);
}

function isHostile({ rule }: Finding): boolean {
  return rule.startsWith('safety/');
}

function covers({ subjects: known }: KnownFinding, { subjects }: Finding): boolean {
  if (typeof known === 'string') return summary(subjects) === known;
  const names = new Set(known);
  return subjects.every((subject) => names.has(subject));
}

function summary(subjects: readonly string[]): readonly string[] | string {
  const sorted = [...new Set(subjects)].sort(compare);
  if (sorted.length <= MOST_NAMES) return sorted;
  return `sha256:${createHash('sha256').update(JSON.stringify(sorted)).digest('hex')}`;
}

/** By code units: the same on every machine, whatever its language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
