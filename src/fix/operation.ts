import type { Draft } from './draft.ts';

/** What an operation did to a draft. */
export interface OperationReport {
  /** As on the command line, without dashes: `map-location cpu`. */
  readonly name: string;
  /** How many storages, keys … it changed; 0 where there was nothing to do. */
  readonly affected: number;
  /** What is counted: `storages`, `keys`. */
  readonly noun: string;
  /** What the user should know beside the count. */
  readonly notes: readonly string[];
}

/** One step of a fix. */
export interface Operation {
  readonly name: string;
  /** @throws RefusedError where it can't be done without loss; the draft is of no use then. */
  apply(draft: Draft): OperationReport | Promise<OperationReport>;
}
