import type { Storage } from '../../checkpoint/storage.ts';
import type { Segment } from '../../io/segment.ts';
import type { See } from '../../io/windowed-writer.ts';
import { crc32 } from '../../zip/checksum.ts';

const UNSEEN: See = () => {};

/** Checksums that the source keeps of its storages, held against the bytes as they pass by to an output that keeps none. */
export class Checksums {
  readonly #sums = new Map<Storage, number>();

  /** To be shown what is written of a storage; a checksum is of the whole of it. */
  of(storage: Storage | undefined, written: Segment): See {
    // torch writes 0 everywhere where it was told not to compute them
    if (!storage?.crc32 || storage.content !== written) return UNSEEN;
    this.#sums.set(storage, 0);
    return (bytes) => this.#sums.set(storage, crc32(bytes, this.#sums.get(storage)));
  }

  /** Keys of the storages whose bytes are not those that were saved. */
  corrupted(): string[] {
    return [...this.#sums].filter(([storage, sum]) => storage.crc32 !== sum).map(([{ key }]) => key);
  }
}
