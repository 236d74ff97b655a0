import type { Rule, RuleOption, RuleOptions } from '../diagnose/define-rule.ts';
import type { RuleSetting } from '../diagnose/engine.ts';
import { RULES } from '../diagnose/rules/index.ts';
import { keyName } from './complaints.ts';
import type { Config, RuleRequest } from './config.ts';

const BY_ID: ReadonlyMap<string, Rule> = new Map(RULES.map((rule) => [rule.id, rule]));

/**
 * The rules that a key of `rules` names: `device/cuda-tag`, all of `device/*`, or all of `*`. What points at hostile intent is not among
 * the last: to lower that takes its name.
 */
export function rulesNamed(key: string): readonly Rule[] {
  if (key === '*') return RULES.filter(({ id }) => !id.startsWith('safety/'));
  if (key.endsWith('/*')) return RULES.filter(({ id }) => id.startsWith(key.slice(0, -1)));
  const rule = BY_ID.get(key);
  return rule ? [rule] : [];
}

/** Requests by rule; what names a rule more closely comes after what names it among others, and wins. */
export function inOrderOfCloseness(
  rules: Readonly<Record<string, RuleRequest>>,
): readonly (readonly [string, RuleRequest])[] {
  const closeness = (key: string) => (key === '*' ? 0 : key.endsWith('/*') ? 1 : 2);
  return Object.entries(rules).sort(([a], [b]) => closeness(a) - closeness(b));
}

export function settingOf(request: RuleRequest): RuleSetting {
  if (typeof request === 'string') return { severity: request };
  const [severity, options] = request;
  return { severity, options };
}

/** What is wrong with the rules of a configuration that has the right form: names and options that do not exist. */
export function checkRules({ rules, overrides = [] }: Config): string[] {
  return [
    ...complaintsAbout(rules, ['rules']),
    ...overrides.flatMap(({ rules: own }, index) => complaintsAbout(own, ['overrides', index, 'rules'])),
  ];
}

function complaintsAbout(
  rules: Readonly<Record<string, RuleRequest>> | undefined,
  path: readonly (string | number)[],
): string[] {
  return Object.entries(rules ?? {}).flatMap(([key, request]) => {
    const named = rulesNamed(key);
    if (named.length === 0) return [`${keyName([...path, key])}: there is no such rule${suggestion(key)}`];
    const { options = {} } = settingOf(request);
    return Object.entries(options).flatMap(([name, value]) => {
      const complaint = optionComplaint(named, name, value);
      return complaint ? [`${keyName([...path, key, 1, name])}: ${complaint}`] : [];
    });
  });
}

function optionComplaint(rules: readonly Rule[], name: string, value: RuleOption): string | undefined {
  const [rule] = rules;
  const known: RuleOptions = rules.length === 1 ? (rule?.options ?? {}) : {};
  if (!Object.hasOwn(known, name)) {
    const names = Object.keys(known);
    return `there is no such option${names.length > 0 ? `; there is ${names.join(', ')}` : ''}`;
  }
  const [expected, found] = [typeName(known[name] as RuleOption), typeName(value)];
  return expected === found ? undefined : `expected ${expected}, found ${found}`;
}

function typeName(value: RuleOption): string {
  if (Array.isArray(value)) return 'a list of texts';
  return { number: 'a number', boolean: 'true or false' }[typeof value as string] ?? 'a text';
}

/** The rule that was probably meant: the one whose id has most pairs of letters in common. */
function suggestion(key: string): string {
  const pairs = new Set(pairsOf(key));
  let best: string | undefined;
  let bestShare = 0.5;
  for (const { id } of RULES) {
    const own = pairsOf(id);
    const share = (2 * own.filter((pair) => pairs.has(pair)).length) / (own.length + pairs.size);
    if (share > bestShare) [best, bestShare] = [id, share];
  }
  return best === undefined ? '; ckpt-doctor rules lists them' : `; did you mean ${best}?`;
}

function pairsOf(text: string): string[] {
  return [
    ...new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2))),
  ];
}
