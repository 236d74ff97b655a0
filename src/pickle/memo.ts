import type { TensorCall } from './tensor-call.ts';
import type { Value } from './values.ts';

/** Slots up to this one live in an array; a stream that names a huge slot gets a map, not a huge array. */
const DENSE = 2 ** 24;

/** The values that a stream puts aside to use them again. Picklers number the slots from 0; other streams may name any. */
export class Memo {
  /** Undefined where a part of a tensor stands that was read at one go. */
  readonly #dense: (Value | undefined)[] = [];
  readonly #sparse = new Map<number, Value>();
  /** Those tensors, in the order of their slots. */
  readonly #tensors: TensorCall[] = [];
  /** Slots that were filled. */
  size = 0;

  /** The slot that a pickler fills next; undefined where slots were filled in another order than its own. */
  get next(): number | undefined {
    return this.#sparse.size === 0 && this.#dense.length < DENSE ? this.#dense.length : undefined;
  }

  /** Fills the next slot, where there is one. */
  putNext(value: Value): void {
    this.#dense.push(value);
    this.size++;
  }

  /** Fills the next slots, from that of its first part on, with the parts of a tensor. */
  putNextParts(tensor: TensorCall): void {
    const { slots } = tensor;
    for (let i = 0; i < slots; i++) this.#dense.push(undefined);
    this.size += slots;
    this.#tensors.push(tensor);
  }

  put(slot: number, value: Value): void {
    if (slot < this.#dense.length) this.#dense[slot] = value;
    else if (slot === this.#dense.length && slot < DENSE) {
      this.#dense.push(value);
      if (this.#sparse.size === 0 || !this.#sparse.delete(slot)) this.size++;
    } else {
      if (!this.#sparse.has(slot)) this.size++;
      this.#sparse.set(slot, value);
    }
  }

  /** Undefined where the slot was never filled. */
  get(slot: number): Value | undefined {
    if (slot >= this.#dense.length) return this.#sparse.get(slot);
    return this.#dense[slot] ?? this.#fetch(slot);
  }

  #fetch(slot: number): Value | undefined {
    // None is a value too
    if (this.#dense[slot] === null) return null;
    const tensors = this.#tensors;
    let low = 0;
    let high = tensors.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((tensors[middle] as TensorCall).firstSlot <= slot) low = middle;
      else high = middle - 1;
    }
    const tensor = tensors[low];
    return tensor?.parts()[slot - tensor.firstSlot];
  }
}
