import type { Finding } from '../diagnose/finding.ts';
import type { CheckedFile } from '../policy/check-files.ts';
import { failureEntry } from './failure-entry.ts';
import type { ErrorEntry } from './inspect-document.ts';

export const CHECK_SCHEMA = 'ckpt-doctor/check/1';

export interface CheckFileEntry {
  readonly path: string;
  readonly status: 'passed' | 'failed' | 'unreadable';
  readonly error?: ErrorEntry;
  readonly findings: readonly Finding[];
  /** Findings that the baseline accepts, and that are not listed; left out without a baseline. */
  readonly known?: number;
}

/** `check --format json`. Contract of DESIGN: `ckpt-doctor/check/1`. */
export interface CheckDocument {
  readonly schema: typeof CHECK_SCHEMA;
  readonly files: readonly CheckFileEntry[];
  readonly totals: {
    readonly files: number;
    readonly passed: number;
    readonly failed: number;
    readonly unreadable: number;
  };
  /** There where `--max-warnings` was given. */
  readonly warnings?: { readonly found: number; readonly allowed: number };
}

/** A verdict as the documents tell it. `hasBaseline`: how many findings are known is worth telling. */
export function checkEntry(file: CheckedFile, hasBaseline = false): CheckFileEntry {
  const { path, status, error, findings, known } = file;
  return {
    path,
    status,
    ...(error !== undefined && { error: failureEntry(error) }),
    findings,
    ...(hasBaseline && { known }),
  };
}

export function checkDocument(files: readonly CheckFileEntry[], maxWarnings?: number): CheckDocument {
  const having = (status: CheckFileEntry['status']) => files.filter((file) => file.status === status).length;
  return {
    schema: CHECK_SCHEMA,
    files,
    totals: {
      files: files.length,
      passed: having('passed'),
      failed: having('failed'),
      unreadable: having('unreadable'),
    },
    ...(maxWarnings !== undefined && { warnings: { found: countWarnings(files), allowed: maxWarnings } }),
  };
}

/** What is worth a reader's time: all but advice, and advice where a file fails for nothing else. */
export function toldFindings({ findings, status }: CheckFileEntry): readonly Finding[] {
  const serious = findings.filter(({ severity }) => severity !== 'info');
  return serious.length === 0 && status === 'failed' ? findings : serious;
}

/** Whether there are more warnings in all than the run allows. */
export function hasTooManyWarnings({ warnings }: CheckDocument): boolean {
  return warnings !== undefined && warnings.found > warnings.allowed;
}

function countWarnings(files: readonly CheckFileEntry[]): number {
  return files.reduce(
    (sum, { findings }) => sum + findings.filter(({ severity }) => severity === 'warning').length,
    0,
  );
}
