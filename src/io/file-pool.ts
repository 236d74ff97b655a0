import { stat } from 'node:fs/promises';
import type { ByteSource } from './byte-source.ts';
import { openFile } from './file-source.ts';

/** Systems allow a process a thousand or so; a checkpoint of a large run has as many files. */
const MOST_OPEN = 128;

/**
 * Files that are opened when they are first read, and of which only so many are open at a time: those that were not read for
 * longest make room.
 */
export class FilePool {
  /** In the order of their last use. */
  readonly #open = new Set<PooledFile>();

  /**
   * A file of the pool. Its size is that of now.
   * @throws UnreadableError as `openFile`, where the file can't be opened.
   */
  async file(path: string): Promise<ByteSource> {
    const stats = await stat(path).catch(() => undefined);
    if (!stats?.isFile() || stats.size === 0) {
      // says what is wrong with it, in its own words
      await (await openFile(path)).close?.();
    }
    return new PooledFile(this, path, stats?.size ?? 0);
  }

  used(file: PooledFile): void {
    this.#open.delete(file);
    this.#open.add(file);
    for (const other of this.#open) {
      if (this.#open.size <= MOST_OPEN) break;
      if (other.isIdle) {
        this.#open.delete(other);
        void other.release();
      }
    }
  }

  forget(file: PooledFile): void {
    this.#open.delete(file);
  }
}

class PooledFile implements ByteSource {
  readonly size: number;
  readonly #pool: FilePool;
  readonly #path: string;
  #source: Promise<ByteSource> | undefined;
  #reads = 0;

  constructor(pool: FilePool, path: string, size: number) {
    this.#pool = pool;
    this.#path = path;
    this.size = size;
  }

  get isIdle(): boolean {
    return this.#reads === 0;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#with((source) => source.read(offset, length));
  }

  readInto(offset: number, into: Uint8Array): Promise<void> {
    return this.#with((source) => readInto(source, offset, into));
  }

  withDescriptor<T>(use: (descriptor: number, start: number) => Promise<T>): Promise<T> {
    return this.#with((source) => {
      if (!source.withDescriptor) throw new TypeError('a file without a descriptor');
      return source.withDescriptor(use);
    });
  }

  async close(): Promise<void> {
    this.#pool.forget(this);
    await this.release();
  }

  /** Gives the descriptor back; the next read opens the file again. */
  async release(): Promise<void> {
    const opening = this.#source;
    this.#source = undefined;
    await (await opening?.catch(() => undefined))?.close?.();
  }

  async #with<T>(use: (source: ByteSource) => Promise<T>): Promise<T> {
    this.#reads++;
    try {
      this.#source ??= openFile(this.#path);
      this.#pool.used(this);
      return await use(await this.#source);
    } finally {
      this.#reads--;
    }
  }
}

async function readInto(source: ByteSource, offset: number, into: Uint8Array): Promise<void> {
  if (source.readInto) await source.readInto(offset, into);
  else into.set(await source.read(offset, into.byteLength));
}
