import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { findStateDicts, type StateDict } from '../checkpoint/state-dicts.ts';
import { findWeightGroups, type WeightGroup } from './weight-groups.ts';

/** What several rules read of one checkpoint: each is worked out when it is first asked for, and then kept. */
export class Examination {
  readonly #checkpoint: Checkpoint;
  #stateDicts: readonly StateDict[] | undefined;
  #weightGroups: readonly WeightGroup[] | undefined;

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
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
}
