import { type BigIntStats, fstat } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import type { ByteSink } from './byte-sink.ts';
import { type ByteSource, checkRange } from './byte-source.ts';
import { RefusedError, UnreadableError } from './errors.ts';
import { openFile } from './file-source.ts';
import { writeFully } from './write-fully.ts';

/** What a file was like at one moment, so that a change since then shows. */
export interface FileState {
  /** The file itself: symbolic links were followed. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** How many names lead to the file. */
  readonly names: number;
  /** Says something else after any change. */
  readonly version: string;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk; free some',
  EDQUOT: 'your disk quota is used up; free some space',
  EFBIG: 'the file system does not take a file of this size',
  EACCES: 'permission denied; make it writable for you (chmod u+w), or write a copy with -o',
  EPERM: 'the system does not permit it; write a copy with -o',
  EROFS: 'the file system is read-only; write a copy to another with -o',
  EIO: 'the disk reports a write error',
  ETXTBSY: 'it is being executed',
};

/** The one-line refusal for what the system said about changing a file in place. */
export function inPlaceRefusal(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof RefusedError || error instanceof UnreadableError || code === undefined) return error;
  return new RefusedError(`the file can't be changed in place: ${REASONS[code] ?? `${code}, ${message}`}`);
}

/** @throws RefusedError for what is no regular file or must not be written; UnreadableError as `openFile`. */
export async function fileState(path: string): Promise<FileState> {
  let file: string;
  let stats: BigIntStats;
  try {
    file = await realpath(path);
    stats = await stat(file, { bigint: true });
  } catch (error) {
    // says what is wrong with it, in its own words
    await (await openFile(path)).close?.();
    throw error;
  }
  if (!stats.isFile()) throw new RefusedError('only a regular file can be changed in place');
  // the superuser could, but whoever took the permission away meant it
  if ((stats.mode & 0o222n) === 0n) {
    const mode = (stats.mode & 0o777n).toString(8).padStart(4, '0');
    throw new RefusedError(
      `the file is read-only (mode ${mode}); make it writable (chmod u+w), or write a copy with -o`,
    );
  }
  return stateOf(file, stats);
}

function stateOf(path: string, stats: BigIntStats): FileState {
  const { dev, ino, size, mtimeNs, ctimeNs, nlink } = stats;
  const version = [dev, ino, size, mtimeNs, ctimeNs].join(':');
  return { path, size: Number(size), names: Number(nlink), version };
}

/**
 * A file whose end is changed: it takes bytes behind the end that it had when it was opened, and can be cut. What stood in it before
 * can't be overwritten.
 */
export class InPlaceFile implements ByteSink, ByteSource {
  /** Bytes of the file when it was opened. */
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  /** @throws RefusedError where the file is no longer in the state that is expected, or can't be written. */
  static async open(expected: FileState): Promise<InPlaceFile> {
    try {
      const handle = await open(expected.path, 'r+');
      const stats = await new Promise<BigIntStats>((resolve, reject) => {
        fstat(handle.fd, { bigint: true }, (error, found) => (error ? reject(error) : resolve(found)));
      });
      if (stateOf(expected.path, stats).version === expected.version) {
        return new InPlaceFile(handle, expected.size);
      }
      await handle.close();
    } catch (error) {
      throw inPlaceRefusal(error);
    }
    throw new RefusedError(
      'the file changed while it was being looked at; something else writes to it, so wait until that is done',
    );
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new UnreadableError('changed', 'the file was cut while it was being read');
      done += bytesRead;
    }
    return bytes;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset < this.size) throw new RangeError(`write at ${offset}, before the old end at ${this.size}`);
    try {
      await writeFully(this.#handle.fd, offset, bytes);
    } catch (error) {
      throw inPlaceRefusal(error);
    }
  }

  /** Cuts the file to `length` bytes, and puts that on the disk. */
  async cut(length: number): Promise<void> {
    try {
      await this.#handle.truncate(length);
      await this.#handle.sync();
    } catch (error) {
      throw inPlaceRefusal(error);
    }
  }

  /** Puts what was written on the disk. */
  async sync(): Promise<void> {
    try {
      await this.#handle.sync();
    } catch (error) {
      throw inPlaceRefusal(error);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
