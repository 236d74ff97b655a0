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
 * Finds the tensor of a node. Whoever asks in the order of the list, as a walk over the checkpoint does, hardly ever needs the index:
 * of a hundred thousand tensors that shows.
 */
export function tensorFinder(tensors: readonly Tensor[]): (node: Value) => Tensor | undefined {
  const index = tensorIndex(tensors);
  // one that is listed twice has to be found at its first place
  const inOrder = index.size === tensors.length;
  let next = 0;
  return (node) => {
    const awaited = tensors[next];
    if (inOrder && awaited?.node === node) {
      next++;
      return awaited;
    }
    const tensor = isNode(node) ? index.get(node) : undefined;
    if (tensor) {
      const at = tensors.slice(next, next + AHEAD).indexOf(tensor);
      if (at >= 0) next += at + 1;
    }
    return tensor;
  };
}
