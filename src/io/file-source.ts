import { close, constants, fstat, open, read, readSync, type Stats, stat } from 'node:fs';
import { type ByteSource, checkRange } from './byte-source.ts';
import { type UnreadableCode, UnreadableError } from './errors.ts';
import { watchFile } from './watched-files.ts';

/** Linux moves at most 2^31 - 4096 bytes per call; anything below that bound serves. */
const LONGEST_READ = 2 ** 30;

const REASONS: Readonly<Record<string, readonly [UnreadableCode, string]>> = {
  ENOENT: ['not-found', 'no such file; check the path'],
  ENOTDIR: ['not-found', 'no such file: a part of the path is a file, not a folder; check the path'],
  ELOOP: ['not-found', 'no such file: its symbolic links lead in a circle; give the path of the file itself'],
  ENAMETOOLONG: ['not-found', 'no such file: the path is longer than the file system allows'],
  EISDIR: ['is-directory', 'is a folder, not a file; give the path of a checkpoint file in it'],
  EACCES: [
    'permission',
    'permission denied; make the file readable for you (chmod u+r) and its folders enterable',
  ],
  EPERM: ['permission', 'the system does not permit reading it; check its attributes and your rights'],
  EMFILE: ['io', 'too many files are open; raise the limit (ulimit -n) or give fewer files'],
  ENFILE: ['io', 'too many files are open on this machine; close some and try again'],
  EIO: ['io', 'the disk reports a read error; copy the file from its origin again'],
  ESTALE: [
    'io',
    'the network folder lost the file (stale handle); mount it again or copy the file to a local disk',
  ],
};

/** The one-line error for what the file system said. */
function unreadable(error: NodeJS.ErrnoException, offset?: number): UnreadableError {
  const known = REASONS[error.code ?? ''];
  if (known !== undefined) return new UnreadableError(known[0], known[1], offset);
  return new UnreadableError('io', `the system could not read it (${error.code ?? error.message})`, offset);
}

/** Stands in a name for each byte that is not UTF-8, and may stand in a name of its own right. */
const REPLACEMENT = '\ufffd';

/** Node gives such names to nobody: it would open the file, harmless perhaps, that is called as the damaged name reads. */
function checkName(path: string): void {
  if (!path.includes(REPLACEMENT)) return;
  throw new UnreadableError(
    'io',
    'its name is not UTF-8, or reads like one that is not, and could be taken for another; rename it, or give its bytes (ckpt-doctor inspect - < file)',
  );
}

/** Only bytes at rest can be read at random; a pipe would also block in `open` until somebody writes to it. */
function checkKind(stats: Stats): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) throw unreadable({ code: 'EISDIR' } as NodeJS.ErrnoException);
  let kind = 'device';
  if (stats.isFIFO()) kind = 'pipe';
  else if (stats.isSocket()) kind = 'socket';
  throw new UnreadableError(
    'unsupported',
    `is a ${kind}, not a regular file; write its bytes to a file and give that`,
  );
}

class FileSource implements ByteSource {
  readonly size: number;
  readonly #fd: number;
  #closing: Promise<void> | undefined;

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    const bytes = Buffer.allocUnsafeSlow(length);
    await this.#fill(offset, bytes);
    return bytes;
  }

  async readInto(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this.size, offset, into.byteLength);
    await this.#fill(offset, into);
  }

  withDescriptor<T>(use: (descriptor: number, start: number) => Promise<T>): Promise<T> {
    return use(this.#fd, 0);
  }

  /** Of the file that was opened; once it is closed, of the one that has its path. Undefined where there is none. */
  stats(path: string): Promise<Stats | undefined> {
    return statOf((done) => (this.#closing ? stat(path, done) : fstat(this.#fd, done))).catch(
      () => undefined,
    );
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      // Nothing was written through this descriptor, so there is nothing to lose when closing it fails.
      close(this.#fd, () => resolve());
    });
    return this.#closing;
  }

  /** One system call where the file gives all at once, which is the rule; short reads are taken up where they ended. */
  #fill(offset: number, into: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      let done = 0;
      const next = (): void => {
        const length = Math.min(into.byteLength - done, LONGEST_READ);
        if (length === 0) {
          resolve();
          return;
        }
        read(this.#fd, into, done, length, offset + done, (error, count) => {
          if (error !== null) reject(unreadable(error, offset + done));
          else if (count === 0) {
            reject(shrunk(offset + done));
          } else {
            done += count;
            next();
          }
        });
      };
      next();
    });
  }
}

function shrunk(offset: number): UnreadableError {
  return new UnreadableError(
    'changed',
    `the file now ends at or before ${offset}, where it had more bytes when it was opened; ` +
      'something else writes to it, so wait until that is done',
    offset,
  );
}

/**
 * Fills `into` from a descriptor, at once: for threads that have nothing else to do.
 * @throws UnreadableError `changed` where the file ends before, `io` where the system can't read it.
 */
export function readDescriptor(descriptor: number, offset: number, into: Uint8Array): void {
  for (let done = 0; done < into.byteLength; ) {
    let count: number;
    try {
      count = readSync(descriptor, into, done, Math.min(into.byteLength - done, LONGEST_READ), offset + done);
    } catch (error) {
      throw unreadable(error as NodeJS.ErrnoException, offset + done);
    }
    if (count === 0) throw shrunk(offset + done);
    done += count;
  }
}

/**
 * Opens a regular file for reads at random. Messages don't name the path: who calls puts it in front.
 *
 * @throws UnreadableError `not-found`, `is-directory`, `permission`, `unsupported` (a pipe, socket or device), `empty`
 * or `io`. Reads throw `truncated` past the end of the file as it was when opened, `changed` when it has shrunk since.
 */
export async function openFile(path: string): Promise<ByteSource> {
  checkName(path);
  // Looked at before it is opened: to open a device can already do something.
  checkKind(await statOf((done) => stat(path, done)));
  const fd = await descriptorOf(path);
  try {
    const stats = await statOf((done) => fstat(fd, done));
    checkKind(stats);
    if (stats.size === 0) {
      throw new UnreadableError('empty', 'the file is empty (0 bytes); copy or download it again', 0);
    }
    const source = new FileSource(fd, stats.size);
    watchFile({ version: stats, now: () => source.stats(path) });
    return source;
  } catch (error) {
    await new Promise<void>((resolve) => close(fd, () => resolve()));
    throw error;
  }
}

function statOf(
  call: (done: (error: NodeJS.ErrnoException | null, stats: Stats) => void) => void,
): Promise<Stats> {
  return new Promise((resolve, reject) => {
    call((error, stats) => {
      if (error === null) resolve(stats);
      else reject(unreadable(error));
    });
  });
}

function descriptorOf(path: string): Promise<number> {
  // Without O_NONBLOCK a pipe that took the file's place meanwhile would block for ever. Windows has no such flag.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  return new Promise((resolve, reject) => {
    open(path, flags, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(unreadable(error));
    });
  });
}
