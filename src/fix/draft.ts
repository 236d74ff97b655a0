import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';

/**
 * A checkpoint under treatment. Operations edit the value graph of the checkpoint itself and note here what does not stand in it:
 * where its storages shall be. So a draft takes its checkpoint over; what was listed from it before describes the original.
 */
export class Draft {
  readonly checkpoint: Checkpoint;
  readonly #locations = new Map<Storage, string>();

  constructor(checkpoint: Checkpoint) {
    this.checkpoint = checkpoint;
  }

  locationOf(storage: Storage): string {
    return this.#locations.get(storage) ?? storage.location;
  }

  setLocation(storage: Storage, location: string): void {
    this.#locations.set(storage, location);
  }
}
