import { AsyncLocalStorage } from 'node:async_hooks';
import { UnreadableError } from './errors.ts';

/** What tells one content of a file from another without reading it. */
export interface FileVersion {
  readonly size: number;
  /** When it was last written to, in milliseconds. */
  readonly mtimeMs: number;
}

/** A file that is being read. */
export interface WatchedFile {
  /** When it was opened. */
  readonly version: FileVersion;
  /** Now; undefined where that can't be told any more. */
  now(): Promise<FileVersion | undefined>;
}

const watched = new AsyncLocalStorage<WatchedFile[]>();

/** Tells of the first file that is not what it was when the work opened it. */
export type FindChange = () => Promise<UnreadableError | undefined>;

/**
 * Runs work that can ask whether the files that it reads stayed as they were: parts of two versions make no checkpoint, and what is said
 * of them is true of neither.
 */
export function watchingFiles<T>(work: (findChange: FindChange) => Promise<T>): Promise<T> {
  const files: WatchedFile[] = [];
  return watched.run(files, () => work(() => changeOf(files)));
}

/** Makes a file known to the work that opens it. */
export function watchFile(file: WatchedFile): void {
  watched.getStore()?.push(file);
}

async function changeOf(files: readonly WatchedFile[]): Promise<UnreadableError | undefined> {
  for (const { version, now } of files) {
    const found = await now();
    if (found?.size === version.size && found.mtimeMs === version.mtimeMs) continue;
    const what = found && found.size !== version.size ? `from ${version.size} to ${found.size} bytes` : '';
    return new UnreadableError(
      'changed',
      `the file changed${what && ` ${what}`} while it was read; something else writes to it, so wait until that is done`,
    );
  }
  return undefined;
}
