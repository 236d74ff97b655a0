import type { RuleOptions } from '../diagnose/define-rule.ts';
import type { Severity } from '../diagnose/finding.ts';

/** What the reports need of a rule. */
export interface RuleEntry {
  readonly id: string;
  readonly severity: Severity;
  readonly needs: string;
  readonly title: string;
  readonly options?: RuleOptions;
}

/** Contract of `rules --format json`; schemas/rules.schema.json describes it. */
export interface RulesDocument {
  readonly schema: 'ckpt-doctor/rules/1';
  readonly rules: readonly (RuleEntry & { readonly docs: string })[];
}

export function rulesDocument(rules: readonly RuleEntry[], docsOf: (id: string) => string): RulesDocument {
  return {
    schema: 'ckpt-doctor/rules/1',
    rules: rules.map(({ id, severity, needs, title, options }) => ({
      id,
      severity,
      needs,
      title,
      ...(options && { options }),
      docs: docsOf(id),
    })),
  };
}

/** Rules by their category, both in the order of the alphabet. */
export function byCategory<T extends RuleEntry>(rules: readonly T[]): Map<string, T[]> {
  const categories = new Map<string, T[]>();
  for (const rule of [...rules].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const category = rule.id.split('/', 1)[0] as string;
    categories.set(category, [...(categories.get(category) ?? []), rule]);
  }
  return categories;
}
