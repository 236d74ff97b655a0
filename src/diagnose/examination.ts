import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { findStateDicts, type StateDict } from '../checkpoint/state-dicts.ts';
import { compareKeys, type ExpectedKeys, type KeyComparison } from './expected-keys.ts';
import type { PayloadFacts } from './payload.ts';
import { findWeightGroups, type WeightGroup } from './weight-groups.ts';

/** What several rules read of one checkpoint: each is worked out when it is first asked for, and then kept. */
export class Examination {
  readonly #checkpoint: Checkpoint;
  #stateDicts: readonly StateDict[] | undefined;
  #weightGroups: readonly WeightGroup[] | undefined;
  #keyComparison: KeyComparison | undefined;

  /** What the user's model has, where the user told. */
  readonly expected: ExpectedKeys | undefined;
  /** What the tensor bytes showed, where they were read. */
  readonly payload: PayloadFacts | undefined;

  constructor(checkpoint: Checkpoint, expected?: ExpectedKeys, payload?: PayloadFacts) {
    this.#checkpoint = checkpoint;
    this.expected = expected;
    this.payload = payload;
  }

  get stateDicts(): readonly StateDict[] {
    this.#stateDicts ??= findStateDicts(this.#checkpoint);
    return this.#stateDicts;
  }

  /** The floating-point tensors of each model, without optimizer state. */
  get weightGroups(): readonly WeightGroup[] {
    this.#weightGroups ??= findWeightGroups(this.stateDicts);
    return this.#weightGroups;
  }

  /** The state_dict that was meant for the user's model, held against that model. */
  get keyComparison(): KeyComparison | undefined {
    if (this.expected) this.#keyComparison ??= compareKeys(this.stateDicts, this.expected);
    return this.#keyComparison;
  }
}
