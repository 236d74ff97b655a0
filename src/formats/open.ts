import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { openFile } from '../io/file-source.ts';
import { detect } from './detect.ts';
import { openArchive } from './open-archive.ts';

/**
 * Opens a checkpoint file. Close it when done.
 * @param path A path of the file system.
 * @throws UnreadableError when the file can't be had, is no checkpoint (the message names what it is), or is damaged.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const source = await openFile(path);
  try {
    return await openSource(source, path);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

/** Opens a checkpoint from any source of bytes; `path` is what reports call it. Same errors as `openCheckpoint`. */
export async function openSource(source: ByteSource, path = '<memory>'): Promise<Checkpoint> {
  switch (await detect(source)) {
    case 'zip':
      return openArchive(source, path);
  }
}
