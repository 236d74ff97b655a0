import { join } from 'node:path';
import type { CheckpointFile } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { FilePool } from '../io/file-pool.ts';

/** Why a name that a file gives for another of its folder is not followed. */
export function leadsElsewhere(name: string): UnreadableError {
  const shown = JSON.stringify(name.slice(0, 80));
  return new UnreadableError(
    'bad-archive',
    `${shown} is no file of the checkpoint's own folder, so it is not opened`,
  );
}

/**
 * The files of a folder that a checkpoint names, each opened once. A name that leads out of the folder is not followed: who wrote
 * the checkpoint must not choose what is read.
 */
export class FolderFiles {
  readonly #path: string;
  readonly #pool = new FilePool();
  readonly #files = new Map<string, Promise<ByteSource | UnreadableError>>();

  constructor(path: string) {
    this.#path = path;
  }

  /** A file, or why it can't be had. */
  file(name: string): Promise<ByteSource | UnreadableError> {
    let file = this.#files.get(name);
    if (!file) {
      file = this.#find(name);
      this.#files.set(name, file);
    }
    return file;
  }

  /** @throws UnreadableError where it can't be had. */
  async open(name: string): Promise<ByteSource> {
    const file = await this.file(name);
    if (file instanceof UnreadableError) throw file;
    return file;
  }

  /** Every file that was asked for. */
  async listing(): Promise<CheckpointFile[]> {
    const files: CheckpointFile[] = [];
    for (const [name, found] of this.#files) {
      const source = await found;
      files.push({ name, bytes: source instanceof UnreadableError ? undefined : source.size });
    }
    return files;
  }

  async close(): Promise<void> {
    for (const found of this.#files.values()) {
      const source = await found;
      if (!(source instanceof UnreadableError)) await source.close?.();
    }
  }

  async #find(name: string): Promise<ByteSource | UnreadableError> {
    if (name === '' || name === '..' || /[\\/\0]/.test(name)) {
      return leadsElsewhere(name);
    }
    try {
      return await this.#pool.file(join(this.#path, name));
    } catch (error) {
      if (error instanceof UnreadableError) return error;
      throw error;
    }
  }
}
