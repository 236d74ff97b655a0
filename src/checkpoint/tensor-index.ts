import type { PyNode } from '../pickle/values.ts';
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
