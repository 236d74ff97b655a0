import type { TensorCall } from './tensor-call.ts';
import type { Value } from './values.ts';

/** Slots up to this one live in an array; a stream that names a huge slot gets a map, not a huge array. */
const DENSE = 2 ** 24;

/** The values that a stream puts aside to use them again. Picklers number the slots from 0; other streams may name any. */
export class Memo {
  /** By their slots, but for those of parts of tensors: these are made when somebody asks for them, and no place is kept for them. */
  readonly #dense: Value[] = [];
  /** Tensors that were read at one go, in the order of their slots. */
  readonly #tensors: TensorCall[] = [];
  /** How many slots the parts of those before each of them fill; as far as somebody had to know. */
  readonly #partsBefore: number[] = [0];
  #parts = 0;
  /** What took the place of such parts. */
  readonly #replaced = new Map<number, Value>();
  readonly #sparse = new Map<number, Value>();
  /** Slots that were filled. */
  size = 0;

  /** The slot behind all that were filled in the order of a pickler. */
  get #end(): number {
    return this.#dense.length + this.#parts;
  }

  /** The slot that a pickler fills next; undefined where slots were filled in another order than its own. */
  get next(): number | undefined {
    return this.#sparse.size === 0 && this.#end < DENSE ? this.#end : undefined;
  }

  /** Fills the next slot, where there is one. */
  putNext(value: Value): void {
    this.#dense.push(value);
    this.size++;
  }

  /** Fills the next slots, from that of its first part on, with the parts of a tensor. */
  putNextParts(tensor: TensorCall): void {
    const { slots } = tensor;
    this.#tensors.push(tensor);
    this.#parts += slots;
    this.size += slots;
  }

  put(slot: number, value: Value): void {
    const end = this.#end;
    if (slot < end) this.#replace(slot, value);
    else if (slot === end && slot < DENSE) {
      this.#dense.push(value);
      if (this.#sparse.size === 0 || !this.#sparse.delete(slot)) this.size++;
    } else {
      if (!this.#sparse.has(slot)) this.size++;
      this.#sparse.set(slot, value);
    }
  }

  /** Undefined where the slot was never filled. */
  get(slot: number): Value | undefined {
    const first = this.#tensors[0];
    const isBeforeAll = first === undefined || slot < first.firstSlot;
    return (isBeforeAll ? this.#dense[slot] : undefined) ?? this.#rare(slot);
  }

  #rare(slot: number): Value | undefined {
    if (slot >= this.#end) return this.#sparse.get(slot);
    const { tensor, place } = this.#locate(slot);
    if (!tensor) return this.#dense[place];
    return this.#replaced.has(slot) ? this.#replaced.get(slot) : tensor.parts()[place];
  }

  #replace(slot: number, value: Value): void {
    const { tensor, place } = this.#locate(slot);
    if (tensor) this.#replaced.set(slot, value);
    else this.#dense[place] = value;
  }

  /** The tensor of which a filled slot has a part, and which; or the place of its value among the others. */
  #locate(slot: number): { readonly tensor?: TensorCall; readonly place: number } {
    const tensors = this.#tensors;
    let low = -1;
    let high = tensors.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((tensors[middle] as TensorCall).firstSlot <= slot) low = middle;
      else high = middle - 1;
    }
    const tensor = tensors[low];
    if (!tensor) return { place: slot };
    const { firstSlot, slots } = tensor;
    if (slot < firstSlot + slots) return { tensor, place: slot - firstSlot };
    return { place: slot - this.#countBefore(low) - slots };
  }

  /** Slots of the parts of the tensors before one of them. */
  #countBefore(index: number): number {
    const counts = this.#partsBefore;
    for (let next = counts.length; next <= index; next++)
      counts.push((counts[next - 1] as number) + (this.#tensors[next - 1] as TensorCall).slots);
    return counts[index] as number;
  }
}
