import type { Checkpoint } from '../checkpoint/checkpoint.ts';

/** Files up to this size are in memory when their directory has been read. */
const SMALL_FILE = 128 * 1024;
/** Bytes that the records of such a file may have, inflated. */
const SMALL_CONTENT = 16 * 2 ** 20;

/** The whole file is in memory anyhow: its bytes are looked at without being asked for. */
export function isSmall(checkpoint: Checkpoint): boolean {
  if (checkpoint.source.size > SMALL_FILE) return false;
  const { records } = checkpoint;
  return records.length > 0 && records.reduce((sum, { size }) => sum + size, 0) <= SMALL_CONTENT;
}
