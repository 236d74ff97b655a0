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
  const pending = [...tensors];
  for (const tensor of pending) {
    if (faults.length >= MAX_FAULTS) break;
    if (tensor.parts.length > 0) pending.push(...tensor.parts);
    const { storage, elements, dtype } = tensor;
    if (!storage || elements === 0) continue;
    const room = Math.floor(storage.bytes / dtype.itemSize) * (dtype.valuesPerByte ?? 1);
    const { shape, stride } = tensor;
    let last = tensor.storageOffset;
    for (let dim = 0; dim < shape.length; dim++) last += ((shape[dim] as number) - 1) * (stride[dim] ?? 0);
    if (last < room) continue;
    faults.push(
      new UnreadableError(
        'bad-pickle',
        `tensor ${tensor.name} reaches element ${last} of storage ${storage.key}, which has ${room}: torch refuses it ("Trying to resize storage that is not resizable"); get the file again`,
      ),
    );
  }
  return faults;
}
