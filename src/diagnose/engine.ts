import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Rule, RuleNeeds, RuleResult } from './define-rule.ts';
import { Examination } from './examination.ts';
import type { Finding, Severity } from './finding.ts';
import { RULES } from './rules/index.ts';

/** Cheapest first. */
const PASSES: readonly RuleNeeds[] = ['container', 'pickle', 'payload', 'expectation'];
const GRAVITY: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

export interface DiagnoseOptions {
  /** Defaults to the whole catalogue. Findings of one severity keep the order of the rules. */
  readonly rules?: readonly Rule[];
  /** What there is to read. Defaults to the directory and the pickle, which an open checkpoint has in memory. */
  readonly passes?: readonly RuleNeeds[];
}

/** What the rules find in a checkpoint: the gravest first, then in the order of the catalogue. */
export function diagnose(checkpoint: Checkpoint, options: DiagnoseOptions = {}): Finding[] {
  const { rules = RULES, passes = ['container', 'pickle'] } = options;
  const examination = new Examination(checkpoint);
  const found = new Map<Rule, Finding[]>();
  for (const pass of PASSES) {
    if (!passes.includes(pass)) continue;
    for (const rule of rules) {
      if (rule.needs === pass) found.set(rule, findingsOf(rule, rule.check(checkpoint, examination)));
    }
  }
  return rules
    .flatMap((rule) => found.get(rule) ?? [])
    .sort((a, b) => GRAVITY[a.severity] - GRAVITY[b.severity]);
}

/** Where the page of a rule stands, relative to the package. */
export function docsPath(id: string): string {
  return `docs/rules/${id}.md`;
}

function findingsOf(rule: Rule, result: ReturnType<Rule['check']>): Finding[] {
  if (!result) return [];
  const results: readonly RuleResult[] = Array.isArray(result) ? result : [result as RuleResult];
  return results.map(({ severity, message, subjects, count, fix }) => ({
    rule: rule.id,
    severity: severity ?? rule.severity,
    message,
    count: count ?? subjects.length,
    subjects,
    fix: fix ?? [],
    docs: docsPath(rule.id),
  }));
}
