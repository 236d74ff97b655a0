import type { RuleOptions } from '../diagnose/define-rule.ts';
import type { Severity } from '../diagnose/finding.ts';

export type PresetName = 'recommended' | 'strict' | 'cpu-serving' | 'release';

/** What to do about a rule: a severity, or a severity and options. */
export type RuleRequest = Severity | 'off' | readonly [Severity | 'off', RuleOptions];

/** Limits; null takes a limit away that a preset or the rest of the policy has set. */
export interface Budgets {
  readonly fileBytes?: number | null | undefined;
  readonly parameters?: number | null | undefined;
  readonly wastedBytes?: number | null | undefined;
}

/** Names that may occur; `*` stands for any run of characters. Null: all of them. */
export interface Allowed {
  readonly dtypes?: readonly string[] | null | undefined;
  readonly locations?: readonly string[] | null | undefined;
  readonly globals?: readonly string[] | null | undefined;
}

/** What can be asked of some files. */
export interface Demands {
  /** By the id of a rule, by `category/*`, or by `*`; what is named more closely wins. */
  readonly rules?: Readonly<Record<string, RuleRequest>> | undefined;
  readonly budgets?: Budgets | undefined;
  readonly allow?: Allowed | undefined;
  /** A file fails for findings of this severity, or graver. */
  readonly failOn?: Severity | undefined;
  /** A `keys.json`, relative to the configuration. */
  readonly expect?: string | null | undefined;
}

/** Demands for the files that match a glob. */
export interface Override extends Demands {
  readonly files: readonly string[];
}

/** A configuration as it is written, with sizes as numbers of bytes. */
export interface Config extends Demands {
  readonly $schema?: string | undefined;
  readonly extends?: readonly PresetName[] | undefined;
  /** What to check where the command line names nothing: files, folders, globs. */
  readonly files?: readonly string[] | undefined;
  /** Globs of files that are passed over. */
  readonly ignore?: readonly string[] | undefined;
  /** More warnings than this in all fail the run. */
  readonly maxWarnings?: number | undefined;
  /** A file of findings that are accepted, relative to the configuration. */
  readonly baseline?: string | undefined;
  readonly overrides?: readonly Override[] | undefined;
}
