import type { Checkpoint } from '../checkpoint/checkpoint.ts';

/** Files up to this size are in memory when their directory has been read. */
const SMALL_FILE = 128 * 1024;
/** Bytes that the records of such a file may have, inflated. */
const SMALL_CONTENT = 16 * 2 ** 20;

/** True where there is something to see in the bytes that costs next to nothing. */
export function hasCheapPayload(checkpoint: Checkpoint): boolean {
  return isSmall(checkpoint) || hasSparse(checkpoint);
}

/** The whole file costs next to nothing to read. */
export function isSmall({ source, records }: Checkpoint): boolean {
  return (
    records.length > 0 &&
    source.size <= SMALL_FILE &&
    records.reduce((sum, { size }) => sum + size, 0) <= SMALL_CONTENT
  );
}

/** The checkpoint has sparse tensors. */
function hasSparse({ tensors }: Checkpoint): boolean {
  return tensors.some(({ kind }) => kind === 'sparse');
}
