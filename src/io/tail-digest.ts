import type { ByteSource } from './byte-source.ts';

/** What tells the end of a file for certain: of an archive, the whole directory, or its last hundred thousands of bytes. */
export interface TailDigest {
  /** Bytes that the digest is of. */
  readonly length: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** Read in a millisecond, whatever the size of the file. */
export const LONGEST_TAIL = 2 ** 20;

/** The digest of the last bytes before `end`: a mebibyte, or all where there are fewer. */
export async function digestTail(source: ByteSource, end: number): Promise<TailDigest> {
  const length = Math.min(end, LONGEST_TAIL);
  // loaded when it is needed: it takes longer to load than a checkpoint to inspect
  const { createHash } = await import('node:crypto');
  const bytes = await source.read(end - length, length);
  return { length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Whether the bytes before `end` are those that the digest was made of. */
export async function hasTail(source: ByteSource, end: number, digest: TailDigest): Promise<boolean> {
  if (end > source.size || digest.length !== Math.min(end, LONGEST_TAIL)) return false;
  return (await digestTail(source, end)).sha256 === digest.sha256;
}
