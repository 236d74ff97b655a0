import { UnreadableError } from '../io/errors.ts';
import type { Tensor } from './tensor.ts';

/** Beyond a few, one more tensor outside of its storage says nothing new. */
const MAX_FAULTS = 20;

/**
 * Tensors that reach outside of their storage. torch refuses them ("Trying to resize storage that is not resizable"), and what they
 * say of the file is that its pickle is damaged or was made up.
 */
export function geometryFaults(tensors: readonly Tensor[]): UnreadableError[] {
  const faults: UnreadableError[] = [];
  const parts: Tensor[] = [];
  for (let i = 0; i < tensors.length + parts.length && faults.length < MAX_FAULTS; i++) {
    const tensor = (tensors[i] ?? parts[i - tensors.length]) as Tensor;
    if (tensor.parts.length > 0) parts.push(...tensor.parts);
    const fault = faultOf(tensor);
    if (fault) faults.push(fault);
  }
  return faults;
}

function faultOf({ name, storage, elements, dtype, shape, stride, storageOffset }: Tensor) {
  if (!storage || elements === 0) return undefined;
  const room = Math.floor(storage.bytes / dtype.itemSize) * (dtype.valuesPerByte ?? 1);
  let last = storageOffset;
  for (let dim = 0; dim < shape.length; dim++) last += ((shape[dim] as number) - 1) * (stride[dim] ?? 0);
  if (last < room) return undefined;
  return new UnreadableError(
    'bad-pickle',
    `tensor ${name} reaches element ${last} of storage ${storage.key}, which has ${room}: torch refuses it ("Trying to resize storage that is not resizable"); get the file again`,
  );
}
