export type Severity = 'error' | 'warning' | 'info';

/** What a rule found in one checkpoint. Contract of DESIGN: `findings[]` of the JSON documents. */
export interface Finding {
  /** `category/id`. */
  readonly rule: string;
  readonly severity: Severity;
  /** One or two sentences: what is there, and what the user would meet. */
  readonly message: string;
  /** How many subjects in all. */
  readonly count: number;
  /** Names of the tensors, keys, records or globals concerned, all of them; reports cut the list. */
  readonly subjects: readonly string[];
  /** Flags of `fix` that heal it; empty where nothing does. */
  readonly fix: readonly string[];
  /** Where the page of the rule stands, relative to the package: `docs/rules/device/cuda-tag.md`. */
  readonly docs: string;
}
