import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { listTensors } from '../checkpoint/listing.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { walkNodes } from '../checkpoint/walk.ts';
import { PyPersistent, PyTuple, type Value } from '../pickle/values.ts';

/** What can be said of a fix only when all bytes have passed by; a refusal then keeps the output from appearing. */
export type WrittenCheck = () => void;

/**
 * A checkpoint under treatment. Operations edit the value graph of the checkpoint itself and tell the draft what they changed; the
 * draft keeps the list of tensors and storages in step. It takes its checkpoint over: what was listed from it before describes the
 * original.
 */
export class Draft {
  /** What has to hold once everything is written. */
  readonly checks: WrittenCheck[] = [];
  #checkpoint: Checkpoint;
  readonly #storageOf: Map<PyPersistent, Storage>;
  readonly #locations = new Map<Storage, string>();
  #stale = false;
  #made = 0;

  constructor(checkpoint: Checkpoint) {
    this.#storageOf = new Map(checkpoint.storageOf);
    this.#checkpoint = { ...checkpoint, storageOf: this.#storageOf };
  }

  /** The checkpoint as it stands: its root, its tensors, the storages that are still in use. */
  get checkpoint(): Checkpoint {
    if (this.#stale) {
      const { root } = this.#checkpoint;
      const { tensors } = listTensors(root, this.#storageOf);
      const storages = new Set<Storage>();
      walkNodes(root, (node) => {
        const storage = node instanceof PyPersistent ? this.#storageOf.get(node) : undefined;
        if (storage) storages.add(storage);
        return undefined;
      });
      this.#checkpoint = { ...this.#checkpoint, tensors, storages: [...storages] };
      this.#stale = false;
    }
    return this.#checkpoint;
  }

  /** How many storages were made that the checkpoint did not have: their bytes have to be written. */
  get madeStorages(): number {
    return this.#made;
  }

  /** Tells that the graph was edited: tensors came, went, or got other names, forms or storages. */
  touch(): void {
    this.#stale = true;
  }

  setRoot(root: Value): void {
    this.#checkpoint = { ...this.#checkpoint, root };
    this.touch();
  }

  locationOf(storage: Storage): string {
    return this.#locations.get(storage) ?? storage.location;
  }

  setLocation(storage: Storage, location: string): void {
    this.#locations.set(storage, location);
  }

  /** A persistent id for a storage that the checkpoint did not have. */
  addStorage(storage: Storage): PyPersistent {
    const node = new PyPersistent(storageId(storage));
    this.#storageOf.set(node, storage);
    this.#made++;
    this.touch();
    return node;
  }

  /** Takes over persistent ids and their storages that were made elsewhere. */
  adopt(storageOf: ReadonlyMap<PyPersistent, Storage>): void {
    for (const [node, storage] of storageOf) this.#storageOf.set(node, storage);
    this.#made += storageOf.size;
    this.touch();
  }

  /** Puts other storages in the place of storages, wherever they are named; their locations stay what they were. */
  replaceStorages(replaced: ReadonlyMap<Storage, Storage>): void {
    for (const [before, after] of replaced) {
      const location = this.#locations.get(before);
      if (location !== undefined) this.#locations.set(after, location);
    }
    for (const [node, storage] of this.#storageOf) {
      const other = replaced.get(storage);
      if (!other) continue;
      node.id = storageId(other);
      this.#storageOf.set(node, other);
    }
    this.#made += replaced.size;
    this.touch();
  }
}

function storageId({ storageClass, key, location, numel }: Storage): PyTuple {
  return new PyTuple(['storage', storageClass, key, location, numel]);
}
