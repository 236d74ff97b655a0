import type { Finding, Severity } from '../diagnose/finding.ts';

/** 0: done, nothing at or above the threshold. 1: findings there. 2: unreadable file, wrong command line, refused fix. */
export const EXIT = { done: 0, findings: 1, failed: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const SEVERITIES = ['error', 'warning', 'info'] as const satisfies readonly Severity[];

/** Whether any finding is at least as grave as the threshold. */
export function reaches(findings: readonly Pick<Finding, 'severity'>[], threshold: Severity): boolean {
  const limit = SEVERITIES.indexOf(threshold);
  return findings.some(({ severity }) => SEVERITIES.indexOf(severity) <= limit);
}

/** The code of a run over several files: what could not be done weighs more than what was found. */
export function worse(a: ExitCode, b: ExitCode): ExitCode {
  return a > b ? a : b;
}
