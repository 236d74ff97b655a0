import { randomBytes } from 'node:crypto';
import { fdatasync } from 'node:fs';
import { type FileHandle, link, lstat, open, realpath, rename, stat, statfs, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ByteSink } from './byte-sink.ts';
import { doom, spare } from './doomed-files.ts';
import { RefusedError } from './errors.ts';
import { syncFolder } from './sync-folder.ts';
import { writeFully } from './write-fully.ts';

export interface OutputOptions {
  /** Path of the file, or of the files, that the output is made from: none is ever overwritten, whatever name leads to it. */
  readonly input?: string | readonly string[];
  /** Replace an existing file. */
  readonly force?: boolean;
  /** Permission bits, from which the process's umask takes away as for any new file; 0o666 when not given. */
  readonly mode?: number;
  /** Bytes that will be written, so that a full disk is told before anything is written. */
  readonly size?: number;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk; free some, or give another folder with -o',
  EDQUOT: 'your disk quota is used up; free some space, or give another folder with -o',
  EFBIG: 'the file system does not take a file of this size; give another folder with -o',
  EACCES: 'permission denied; give a folder that you may write to with -o',
  EPERM: 'the system does not permit it; give a folder that you may write to with -o',
  EROFS: 'the file system is read-only; give another folder with -o',
  ENOENT: 'its folder does not exist; create it first',
  ENOTDIR: 'a part of its path is a file, not a folder',
  ENAMETOOLONG: 'its name is longer than the file system allows',
  ELOOP: 'its symbolic links lead in a circle',
  EIO: 'the disk reports a write error',
};

/**
 * Bytes after which the disk is told to start, while more are on their way: a sync at the end alone costs as much again as
 * the whole copy, this way it costs next to nothing.
 */
const SYNC_EVERY = 64 * 1024 * 1024;

/** Longest file name that common file systems take, in bytes. */
const LONGEST_NAME = 255;

/** Codes by which file systems without hard links (FAT, some network and FUSE mounts) refuse `link`. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'EACCES']);

/**
 * A file that appears under its name only when it is complete: written beside it under a temporary name, synced, then
 * renamed. Until `publish` is through, `abort`, an error or a signal leaves the folder as it was.
 */
export class OutputFile implements ByteSink {
  /** The path as it was given, for messages. */
  readonly path: string;
  /** Where the bytes are until `publish`; to be opened for verification. */
  readonly temporaryPath: string;
  readonly #target: string;
  readonly #handle: FileHandle;
  readonly #options: OutputOptions;
  #state: 'open' | 'closed' | 'done' = 'open';
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  /** What a sync on the way reported: the system tells it once, so it must not get lost. */
  #syncError: Error | undefined;

  /** @internal Use `createOutputFile`. */
  constructor(
    path: string,
    target: string,
    temporaryPath: string,
    handle: FileHandle,
    options: OutputOptions,
  ) {
    this.path = path;
    this.temporaryPath = temporaryPath;
    this.#target = target;
    this.#handle = handle;
    this.#options = options;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    try {
      await writeFully(this.#handle.fd, offset, bytes, (count) => this.#startSync(count));
    } catch (error) {
      throw refusal(this.path, error);
    }
  }

  /**
   * Puts all bytes on the disk and closes the file under its temporary name.
   * @throws RefusedError where the disk did not take them.
   */
  async finish(): Promise<void> {
    if (this.#state !== 'open') return;
    await this.#syncing;
    try {
      if (this.#syncError !== undefined) throw this.#syncError;
      await this.#handle.sync();
      this.#state = 'closed';
      await this.#handle.close();
    } catch (error) {
      throw refusal(this.path, error);
    }
  }

  /**
   * Gives the file its name, in one step: at no time is there a part of it under that name.
   * @throws RefusedError where a file of that name appeared meanwhile and `force` was not given.
   */
  async publish(): Promise<void> {
    await this.finish();
    try {
      if (this.#options.force === true) {
        await refuseInput(this.path, this.#target, this.#options.input);
        await rename(this.temporaryPath, this.#target);
      } else await this.#publishNew();
    } catch (error) {
      throw refusal(this.path, error);
    }
    this.#state = 'done';
    spare(this.temporaryPath);
    try {
      await syncFolder(dirname(this.#target));
    } catch (error) {
      throw refusal(this.path, error);
    }
  }

  /** Takes an older file of the name away beforehand, where it is to be replaced. */
  async clear(): Promise<void> {
    if (this.#options.force !== true) return;
    await refuseInput(this.path, this.#target, this.#options.input);
    await unlink(this.#target).catch(() => {});
  }

  /** Removes what was written; harmless after `publish`. */
  async abort(): Promise<void> {
    if (this.#state === 'done') return;
    if (this.#state === 'open') {
      this.#state = 'closed';
      await this.#syncing;
      await this.#handle.close().catch(() => {});
    }
    await unlink(this.temporaryPath).catch(() => {});
    this.#state = 'done';
    spare(this.temporaryPath);
  }

  /** Takes the name away again, and what it leads to: a file that was published as one of several that failed. */
  async retract(): Promise<void> {
    await unlink(this.#target);
  }

  #startSync(written: number): void {
    this.#unsynced += written;
    if (this.#unsynced < SYNC_EVERY || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = new Promise((resolve) => {
      fdatasync(this.#handle.fd, (error) => {
        if (error !== null) this.#syncError ??= error;
        this.#syncing = undefined;
        resolve();
      });
    });
  }

  /** A hard link is the one operation that fails where the name is taken; `rename` would overwrite. */
  async #publishNew(): Promise<void> {
    try {
      await link(this.temporaryPath, this.#target);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw existing(this.path);
      if (!NO_HARD_LINKS.has(code ?? '')) throw error;
      if (await exists(this.#target)) throw existing(this.path);
      await rename(this.temporaryPath, this.#target);
      return;
    }
    await unlink(this.temporaryPath);
  }
}

/**
 * Refuses an output file before anything is done for it; `createOutputFile` looks again.
 * @throws as `createOutputFile`.
 */
export async function checkOutputFile(path: string, options: OutputOptions = {}): Promise<void> {
  try {
    await checkedTarget(path, options);
  } catch (error) {
    throw refusal(path, error);
  }
}

async function checkedTarget(path: string, options: OutputOptions): Promise<string> {
  const target = await resolveTarget(path);
  await refuseInput(path, target, options.input);
  await refuseExisting(path, target, options.force === true);
  await refuseFullDisk(path, dirname(target), options.size ?? 0);
  return target;
}

/**
 * Starts an output file. Nothing appears under `path` before `publish`.
 *
 * @throws RefusedError where `path` is the input itself (through links, too), exists and `force` was not given, is no
 * regular file, or can't be written; and where the disk has less than `size` bytes left.
 */
export async function createOutputFile(path: string, options: OutputOptions = {}): Promise<OutputFile> {
  try {
    const target = await checkedTarget(path, options);
    const temporaryPath = temporaryName(target);
    // Before it exists, so that no signal finds it without an owner.
    doom(temporaryPath);
    const handle = await open(temporaryPath, 'wx', (options.mode ?? 0o666) & 0o777).catch(
      (error: unknown) => {
        spare(temporaryPath);
        throw error;
      },
    );
    return new OutputFile(path, target, temporaryPath, handle, options);
  } catch (error) {
    throw refusal(path, error);
  }
}

/** The file that a symbolic link leads to is what gets replaced, not the link. */
async function resolveTarget(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const folder = await realpath(dirname(path));
    return join(folder, basename(path));
  }
}

async function refuseInput(path: string, target: string, input: OutputOptions['input'] = []): Promise<void> {
  const ours = await identity(target);
  if (ours === undefined) return;
  for (const file of typeof input === 'string' ? [input] : input) {
    if ((await identity(file)) === ours)
      throw new RefusedError(`output '${path}' is the input itself; give another name with -o`);
  }
}

/** Device and number of a file, which all its names share; undefined where there is none. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

async function refuseExisting(path: string, target: string, force: boolean): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined) return;
  if (found.isDirectory())
    throw new RefusedError(`output '${path}' is a folder; give the name of a file in it`);
  if (found.isSymbolicLink()) {
    throw new RefusedError(
      `output '${path}' is a symbolic link to nowhere; remove it or give another name with -o`,
    );
  }
  if (!found.isFile())
    throw new RefusedError(`output '${path}' is not a regular file; give the name of a file with -o`);
  if (!force) throw existing(path);
}

function existing(path: string): RefusedError {
  return new RefusedError(`output '${path}' exists; replace it with --force, or give another name with -o`);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function refuseFullDisk(path: string, folder: string, size: number): Promise<void> {
  const found = await statfs(folder).catch(() => undefined);
  // Some mounts report nothing at all, which says nothing about their space.
  if (found === undefined || found.blocks === 0) return;
  const free = found.bavail * found.bsize;
  if (size > free) {
    throw new RefusedError(
      `output '${path}' needs ${size} bytes, but its disk has ${free} left; give another folder with -o`,
    );
  }
}

function temporaryName(target: string): string {
  const ending = `.${randomBytes(6).toString('hex')}.tmp`;
  let name = basename(target);
  while (Buffer.byteLength(name) > LONGEST_NAME - ending.length - 1) name = name.slice(0, -1);
  return join(dirname(target), `.${name}${ending}`);
}

function refusal(path: string, error: unknown): RefusedError {
  if (error instanceof RefusedError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return new RefusedError(`output '${path}' can't be written: ${REASONS[code] ?? `${code}, ${message}`}`);
}
