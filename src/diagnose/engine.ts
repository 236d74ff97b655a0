import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type UnreadableCode, UnreadableError } from '../io/errors.ts';
import { PickleFault } from '../pickle/trace.ts';
import type { Rule, RuleNeeds, RuleOptions, RuleResult } from './define-rule.ts';
import { Examination } from './examination.ts';
import type { ExpectedKeys } from './expected-keys.ts';
import type { Finding, Severity } from './finding.ts';
import type { PayloadFacts } from './payload.ts';
import { RULES } from './rules/index.ts';
import { findSuspicions } from './suspicions.ts';

/** Cheapest first. */
const PASSES: readonly RuleNeeds[] = ['container', 'pickle', 'payload', 'expectation'];
const GRAVITY: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** What a policy asks of one rule. */
export interface RuleSetting {
  /** The severity of all that the rule finds; the rule does not run where it is `off`. */
  readonly severity?: Severity | 'off';
  /** Options that differ from the defaults of the rule. */
  readonly options?: RuleOptions;
}

export interface DiagnoseOptions {
  /** Defaults to the whole catalogue. Findings of one severity keep the order of the rules. */
  readonly rules?: readonly Rule[];
  /** What there is to read. Defaults to the directory and the pickle, which an open checkpoint has in memory. */
  readonly passes?: readonly RuleNeeds[];
  /** By the id of the rule. */
  readonly settings?: ReadonlyMap<string, RuleSetting>;
  /** What the user's model has. The rules that compare with it run only where it is given. */
  readonly expected?: ExpectedKeys;
  /** What `examinePayload` found in the tensor bytes. The rules that need it run only where it is given. */
  readonly payload?: PayloadFacts | undefined;
}

/** What the rules find in a checkpoint: the gravest first, then in the order of the catalogue. */
export function diagnose(checkpoint: Checkpoint, options: DiagnoseOptions = {}): Finding[] {
  const { rules = RULES, passes = ['container', 'pickle'], settings, expected, payload } = options;
  const examination = new Examination(checkpoint, expected, payload);
  const given: Partial<Record<RuleNeeds, unknown>> = { payload, expectation: expected };
  const found = new Map<Rule, Finding[]>();
  for (const pass of PASSES) {
    if (!given[pass] && !passes.includes(pass)) continue;
    for (const rule of rules) {
      const { severity, options: set } = settings?.get(rule.id) ?? {};
      if (rule.needs !== pass || severity === 'off') continue;
      const result = rule.check?.(checkpoint, examination, { ...rule.options, ...set });
      found.set(rule, findingsOf(rule, result, severity));
    }
  }
  return rules
    .flatMap((rule) => found.get(rule) ?? [])
    .sort((a, b) => GRAVITY[a.severity] - GRAVITY[b.severity]);
}

/** Where an error names no rule, the rule of its code. */
const RULE_OF_CODE: Partial<Record<UnreadableCode, string>> = {
  empty: 'content/empty',
  'bad-pickle': 'pickle/damaged',
  limit: 'limit/exhausted',
};

/** What there is to say of a file that can't be opened: what explains the error, and what its pickle did before it broke. */
export function diagnoseFailure(
  error: unknown,
  options: Pick<DiagnoseOptions, 'rules' | 'settings'> = {},
): Finding[] {
  if (!(error instanceof UnreadableError)) return [];
  const named = error.rule ?? RULE_OF_CODE[error.code];
  const suspicions = error instanceof PickleFault ? findSuspicions(error.traces) : [];
  return (options.rules ?? RULES).flatMap((rule) => {
    const severity = options.settings?.get(rule.id)?.severity;
    if (severity === 'off') return [];
    const told = rule.id === named ? rule.explain?.(error) : rule.judge?.(suspicions);
    return findingsOf(rule, told, severity);
  });
}

/** Where the page of a rule stands, relative to the package. */
export function docsPath(id: string): string {
  return `docs/rules/${id}.md`;
}

function findingsOf(
  rule: Rule,
  result: RuleResult | readonly RuleResult[] | undefined,
  asked: Severity | undefined,
): Finding[] {
  if (!result) return [];
  const results: readonly RuleResult[] = Array.isArray(result) ? result : [result as RuleResult];
  return results.map(({ severity, message, subjects, count, fix }) => ({
    rule: rule.id,
    severity: asked ?? severity ?? rule.severity,
    message,
    count: count ?? subjects.length,
    subjects,
    fix: fix ?? [],
    docs: docsPath(rule.id),
  }));
}
