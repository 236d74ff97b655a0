import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { UnreadableError } from '../io/errors.ts';
import type { Examination } from './examination.ts';
import type { Severity } from './finding.ts';
import type { Suspicion } from './suspicions.ts';

/**
 * The dearest thing that a rule can't do without: the directory of the container, the decoded pickle, what reading the tensor bytes
 * showed, or a list of what the user's model expects. The engine runs the cheapest passes that serve.
 */
export type RuleNeeds = 'container' | 'pickle' | 'payload' | 'expectation';

/** What a rule returns; the engine adds id, docs and, where it is left out, the severity. */
export interface RuleResult {
  readonly severity?: Severity;
  readonly message: string;
  readonly subjects: readonly string[];
  /** Defaults to the number of subjects. */
  readonly count?: number;
  readonly fix?: readonly string[];
}

/** What a policy may set for a rule: a threshold, a switch, a list of names. */
export type RuleOption = number | boolean | string | readonly string[];
export type RuleOptions = Readonly<Record<string, RuleOption>>;

export interface Rule<Options extends RuleOptions = RuleOptions> {
  /** `category/id`, kebab case. */
  readonly id: string;
  readonly severity: Severity;
  readonly needs: RuleNeeds;
  /** A few words for lists: `Storages are tagged with a CUDA device`. */
  readonly title: string;
  /** The options that the rule knows, with their defaults; a default also says of what type the option is. */
  readonly options?: Options;
  /**
   * Reads alone: a rule never changes the checkpoint. `examination` has what several rules look at, worked out once. Left out by a
   * rule whose matter keeps every file from being opened.
   */
  check?(
    checkpoint: Checkpoint,
    examination: Examination,
    options: Options,
  ): RuleResult | readonly RuleResult[] | undefined;
  /** What loading would do, for rules that tell it even of a file that can't be opened because its pickle breaks. */
  judge?(suspicions: readonly Suspicion[]): RuleResult | undefined;
  /** What the user would meet, where the file can't be opened and the error names this rule. */
  explain?(error: UnreadableError): RuleResult;
}

export function defineRule<Options extends RuleOptions>(rule: Rule<Options>): Rule {
  return rule;
}
