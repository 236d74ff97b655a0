import { isNode, type PyNode, type Value } from '../pickle/values.ts';
import type { Checkpoint } from './checkpoint.ts';
import { eachChild } from './children.ts';
import type { Tensor } from './tensor.ts';

/** Where a value is held: it is `held[index]`, under the key `keys[index]` where it stands in a mapping. */
export interface Slot {
  readonly held: Value[];
  readonly keys: Value[] | undefined;
  readonly index: number;
}

/** A tensor at one of its places; the slot is undefined where the tensor is the root, or no item of anything. */
export interface TensorPlace {
  readonly tensor: Tensor;
  readonly slot: Slot | undefined;
}

/** Finds values by their paths. What it found once stays found: use one for one state of a graph. */
export class SlotFinder {
  readonly #slots = new Map<PyNode, Map<string | number, Slot>>();

  /** The slot under a path segment of a node. */
  at(node: PyNode, segment: string | number): Slot | undefined {
    let slots = this.#slots.get(node);
    if (!slots) {
      const found = new Map<string | number, Slot>();
      eachChild(node, (_, name, held, index, keys) => {
        if (held && index !== undefined) found.set(name, { held, index, keys });
      });
      this.#slots.set(node, found);
      slots = found;
    }
    return slots.get(segment);
  }
}

/** The places of all listed tensors, in the order of the list. */
export function placesOf({ root, tensors }: Pick<Checkpoint, 'root' | 'tensors'>): TensorPlace[] {
  const finder = new SlotFinder();
  return tensors.map((tensor) => {
    let value: Value | undefined = root;
    let slot: Slot | undefined;
    for (const segment of tensor.path) {
      slot = value !== undefined && isNode(value) ? finder.at(value, segment) : undefined;
      value = slot?.held[slot.index];
    }
    return { tensor, slot };
  });
}

/** Takes the values at slots of mappings away, each with its key. */
export function removeSlots(slots: Iterable<Slot>): void {
  const gone = new Map<Value[], { keys: Value[] | undefined; indexes: Set<number> }>();
  for (const { held, keys, index } of slots) {
    const known = gone.get(held);
    if (known) known.indexes.add(index);
    else gone.set(held, { keys, indexes: new Set([index]) });
  }
  for (const [held, { keys, indexes }] of gone) {
    keepOthers(held, indexes);
    if (keys) keepOthers(keys, indexes);
  }
}

function keepOthers(items: Value[], gone: ReadonlySet<number>): void {
  let kept = 0;
  for (let i = 0; i < items.length; i++) if (!gone.has(i)) items[kept++] = items[i] as Value;
  items.length = kept;
}
