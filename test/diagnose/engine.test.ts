import { describe, expect, it } from 'vitest';
import { defineRule, type Rule, type RuleNeeds, type RuleResult } from '../../src/diagnose/define-rule.ts';
import { diagnose } from '../../src/diagnose/engine.ts';
import type { Severity } from '../../src/diagnose/finding.ts';
import { checkpointOf, dict, tensor } from '../support/checkpoint-builder.ts';

const checkpoint = checkpointOf(dict({ w: tensor() }));

function rule(id: string, severity: Severity, needs: RuleNeeds, ...results: Partial<RuleResult>[]): Rule {
  return defineRule({
    id,
    severity,
    needs,
    title: 'A rule',
    check: () => results.map((result) => ({ message: 'It is so.', subjects: ['w'], ...result })),
  });
}

describe('diagnose', () => {
  it('adds id, severity, count, fix and page to what a rule says', () => {
    expect(diagnose(checkpoint, { rules: [rule('some/rule', 'warning', 'pickle', {})] })).toEqual([
      {
        rule: 'some/rule',
        severity: 'warning',
        message: 'It is so.',
        count: 1,
        subjects: ['w'],
        fix: [],
        docs: 'docs/rules/some/rule.md',
      },
    ]);
  });

  it('lets a result have a severity, a count and a fix of its own', () => {
    const [finding] = diagnose(checkpoint, {
      rules: [rule('some/rule', 'warning', 'pickle', { severity: 'info', count: 9, fix: ['--auto'] })],
    });
    expect(finding).toMatchObject({ severity: 'info', count: 9, fix: ['--auto'] });
  });

  it('tells the gravest first, and keeps the order of the rules within a severity', () => {
    const rules = [
      rule('a/info', 'info', 'container', {}),
      rule('b/warning', 'warning', 'pickle', {}, { severity: 'error' }),
      rule('c/error', 'error', 'pickle', {}),
      rule('d/warning', 'warning', 'container', {}),
    ];
    expect(diagnose(checkpoint, { rules }).map(({ rule, severity }) => `${rule} ${severity}`)).toEqual([
      'b/warning error',
      'c/error error',
      'b/warning warning',
      'd/warning warning',
      'a/info info',
    ]);
  });

  it('runs the cheapest rules first, and only those whose data is there', () => {
    const ran: string[] = [];
    const spy = (needs: RuleNeeds): Rule => ({
      ...rule(`spy/${needs}`, 'info', needs),
      check: () => {
        ran.push(needs);
        return undefined;
      },
    });
    const rules = (['expectation', 'payload', 'pickle', 'container'] as const).map(spy);
    diagnose(checkpoint, { rules });
    expect(ran).toEqual(['container', 'pickle']);
    ran.length = 0;
    diagnose(checkpoint, { rules, passes: ['payload', 'container'] });
    expect(ran).toEqual(['container', 'payload']);
  });

  it('works out what rules share once', () => {
    const seen: unknown[] = [];
    const looking = (id: string): Rule => ({
      ...rule(id, 'info', 'pickle'),
      check: (_, examination) => {
        seen.push(examination.stateDicts);
        return undefined;
      },
    });
    diagnose(checkpoint, { rules: [looking('a/b'), looking('c/d')] });
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBe(seen[1]);
  });
});
