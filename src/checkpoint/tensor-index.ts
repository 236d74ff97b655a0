import { isNode, type PyNode, type Value } from '../pickle/values.ts';
import type { Tensor } from './tensor.ts';

const INDEXES = new WeakMap<readonly Tensor[], ReadonlyMap<PyNode, Tensor>>();

/** The listed tensors by their nodes; for one that stands at several paths, the first. Made once a list. */
export function tensorIndex(tensors: readonly Tensor[]): ReadonlyMap<PyNode, Tensor> {
  let index = INDEXES.get(tensors);
  if (!index) {
    const made = new Map<PyNode, Tensor>();
    for (const tensor of tensors) if (!made.has(tensor.node)) made.set(tensor.node, tensor);
    index = made;
    INDEXES.set(tensors, index);
  }
  return index;
}

/** For who makes a list and has its index already. */
export function keepTensorIndex(tensors: readonly Tensor[], index: ReadonlyMap<PyNode, Tensor>): void {
  INDEXES.set(tensors, index);
}

/** How far ahead in the list a tensor is looked for that was passed by. */
const AHEAD = 64;

/**
 * Finds the tensors of nodes. Whoever asks in the order of the list, as a walk over the checkpoint does, hardly ever needs the index:
 * of a hundred thousand tensors that shows.
 */
export class TensorFinder {
  readonly #tensors: readonly Tensor[];
  readonly #index: ReadonlyMap<PyNode, Tensor>;
  /** One that is listed twice has to be found at its first place. */
  readonly #inOrder: boolean;
  #next = 0;

  constructor(tensors: readonly Tensor[]) {
    this.#tensors = tensors;
    this.#index = tensorIndex(tensors);
    this.#inOrder = this.#index.size === tensors.length;
  }

  find(node: Value): Tensor | undefined {
    const awaited = this.#tensors[this.#next];
    if (this.#inOrder && awaited?.node === node) {
      this.#next++;
      return awaited;
    }
    const tensor = isNode(node) ? this.#index.get(node) : undefined;
    if (tensor) {
      const at = this.#tensors.slice(this.#next, this.#next + AHEAD).indexOf(tensor);
      if (at >= 0) this.#next += at + 1;
    }
    return tensor;
  }

  /** The tensors of all the nodes, where they are the next of the list; undefined where they have to be found one by one. */
  findNext(nodes: readonly Value[]): readonly Tensor[] | undefined {
    const first = this.#next;
    return this.passNext(nodes) ? this.#tensors.slice(first, this.#next) : undefined;
  }

  /** Passes the tensors of all the nodes by, where they are the next of the list. */
  passNext(nodes: readonly Value[]): boolean {
    const tensors = this.#tensors;
    const first = this.#next;
    if (!this.#inOrder || first + nodes.length > tensors.length) return false;
    for (let i = 0; i < nodes.length; i++) if (tensors[first + i]?.node !== nodes[i]) return false;
    this.#next += nodes.length;
    return true;
  }
}
