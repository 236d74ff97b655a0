import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { eachChild } from '../checkpoint/children.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { walkNodes } from '../checkpoint/walk.ts';
import { PyPersistent, PyTuple, type Value } from '../pickle/values.ts';
import { type StridedCall, stridedCall } from '../torch/strided-call.ts';

/** A tensor, or a part of one, on its storage; it can be placed elsewhere through the call. */
export interface Placement {
  readonly tensor: Tensor;
  readonly storage: Storage;
  readonly call: StridedCall;
}

/** What stands on each storage. */
export interface Placements {
  readonly byStorage: ReadonlyMap<Storage, readonly Placement[]>;
  /** Storages that are held by more than these: saved by themselves, or used in a way that is not known. Their bytes have to stay. */
  readonly held: ReadonlySet<Storage>;
}

export function placementsOf(checkpoint: Checkpoint): Placements {
  const byStorage = new Map<Storage, Placement[]>();
  const known = new Set<Value[]>();
  const add = (tensor: Tensor): void => {
    for (const part of tensor.parts) add(part);
    const { storage } = tensor;
    const call = storage && stridedCall(tensor.node);
    if (!call || known.has(call.items)) return;
    known.add(call.items);
    const standing = byStorage.get(storage);
    if (standing) standing.push({ tensor, storage, call });
    else byStorage.set(storage, [{ tensor, storage, call }]);
  };
  for (const tensor of checkpoint.tensors) add(tensor);
  return { byStorage, held: heldOtherwise(checkpoint, known) };
}

function heldOtherwise({ root, storageOf }: Checkpoint, known: ReadonlySet<Value[]>): Set<Storage> {
  const held = new Set<Storage>();
  const note = (value: Value) => {
    const storage = value instanceof PyPersistent ? storageOf.get(value) : undefined;
    if (storage) held.add(storage);
  };
  note(root);
  walkNodes(root, (node) => {
    eachChild(node, (child, _, holder, index) => {
      if (holder && index === 0 && known.has(holder)) return;
      note(child);
    });
    return undefined;
  });
  return held;
}

/** Writes where a tensor begins on its storage, and its strides. */
export function place({ call }: Placement, storageOffset: number, stride: readonly number[]): void {
  call.items[1] = storageOffset;
  call.items[3] = new PyTuple([...stride]);
}
