import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { listTensors } from '../checkpoint/listing.ts';

/** A checkpoint whose root torch.load can take, and what was left out on the way there. */
export interface LoadableForm {
  readonly checkpoint: Checkpoint;
  readonly notes: readonly string[];
}

/**
 * The checkpoint itself, as a rule. TorchScript, exported programs and packages hold more than torch.load could ever take from a
 * torch zip: of those it is the state_dict, without the records that belong to the code.
 */
export async function loadableForm(checkpoint: Checkpoint): Promise<LoadableForm> {
  if (!checkpoint.loadable) return { checkpoint, notes: [] };
  const { root, notes } = await checkpoint.loadable();
  const { tensors, omissions } = listTensors(root, checkpoint.storageOf);
  return { checkpoint: { ...checkpoint, root, tensors, omissions, records: [] }, notes };
}
