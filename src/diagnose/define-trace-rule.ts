import { defineRule, type Rule, type RuleResult } from './define-rule.ts';
import type { Severity } from './finding.ts';
import type { Suspicion, SuspicionKind } from './suspicions.ts';
import { printable } from './wording.ts';

interface TraceRule {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly kind: SuspicionKind;
  /** What comes before it. */
  readonly lead?: string;
  /** What it means, after the first suspicion has been told. */
  readonly meaning: string;
}

/** A rule that reads what loading a pickle would do. It also speaks of a file that can't be opened, of what its stream did before it broke. */
export function defineTraceRule({ id, severity, title, kind, lead, meaning }: TraceRule): Rule {
  const judge = (suspicions: readonly Suspicion[]): RuleResult | undefined => {
    const mine = suspicions.filter((suspicion) => suspicion.kind === kind);
    const first = mine[0];
    if (!first) return undefined;
    return {
      message: `${lead ?? 'To load this file,'} ${placed(first)}: ${meaning}`,
      subjects: mine.map(placed),
    };
  };
  return defineRule({
    id,
    severity,
    needs: 'pickle',
    title,
    check: (_checkpoint, examination) => judge(examination.suspicions),
    judge,
  });
}

/** What it is may be cut, where it is may not. */
function placed({ kind, what, record, offset }: Suspicion): string {
  const told = printable(what);
  const place = printable(record);
  // a part that nobody looked at is named itself, and stands at no opcode
  if (kind === 'unsearched') return place ? `${place}: ${told}` : told;
  return `${told} (offset ${offset}${place && ` of ${place}`})`;
}
