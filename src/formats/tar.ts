import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { readTarDirectory } from './tar-directory.ts';
import { isTorchTar, openTorchTar } from './torch-tar.ts';
import { type OpenInner, openTarMember } from './unpack.ts';

/** Opens a tar archive: a checkpoint of torch 0.1, or an archive around one checkpoint. @throws UnreadableError for any other. */
export async function openTar(source: ByteSource, path: string, open: OpenInner): Promise<Checkpoint> {
  const members = await readTarDirectory(source);
  if (isTorchTar(members)) return openTorchTar(source, members, path);
  return openTarMember(source, members, open);
}
