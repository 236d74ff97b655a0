import type { Value } from './values.ts';

/** Slots up to this one live in an array; a stream that names a huge slot gets a map, not a huge array. */
const DENSE = 2 ** 24;

/** The values that a stream puts aside to use them again. Picklers number the slots from 0; other streams may name any. */
export class Memo {
  readonly #dense: Value[] = [];
  readonly #sparse = new Map<number, Value>();
  /** Slots that were filled. */
  size = 0;

  put(slot: number, value: Value): void {
    if (slot < this.#dense.length) this.#dense[slot] = value;
    else if (slot === this.#dense.length && slot < DENSE) {
      this.#dense.push(value);
      if (!this.#sparse.delete(slot)) this.size++;
    } else {
      if (!this.#sparse.has(slot)) this.size++;
      this.#sparse.set(slot, value);
    }
  }

  /** Undefined where the slot was never filled. */
  get(slot: number): Value | undefined {
    return slot < this.#dense.length ? this.#dense[slot] : this.#sparse.get(slot);
  }
}
