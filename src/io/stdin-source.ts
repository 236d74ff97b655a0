import { fstatSync, read as readAt } from 'node:fs';
import { type ByteSource, checkRange, MemorySource } from './byte-source.ts';
import { UnreadableError } from './errors.ts';

/** A pipe has no positions, so what comes through it has to be held; beyond this it belongs into a file. */
const LONGEST_PIPE = 1024 * 2 ** 20;

/**
 * Standard input as a source: in place where it is a file (`< model.pth`), held in memory where it is a pipe.
 * @throws UnreadableError `limit` for a pipe of more than 1 GiB; `io` where there is no standard input.
 */
export async function openStdin(): Promise<ByteSource> {
  const stats = fstatSync(0);
  if (stats.isFile()) return new DescriptorSource(0, stats.size);
  if (process.stdin.isTTY) {
    throw new UnreadableError('io', 'standard input is a terminal; give a file, or pipe one in');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LONGEST_PIPE) {
      throw new UnreadableError(
        'limit',
        `more than ${LONGEST_PIPE} bytes come through the pipe, which have to be held in memory; save them to a file and give that`,
      );
    }
    chunks.push(chunk);
  }
  return new MemorySource(Buffer.concat(chunks, size));
}

/** An open file by its descriptor, which is not ours to close. */
class DescriptorSource implements ByteSource {
  readonly size: number;
  readonly #fd: number;

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const count = await new Promise<number>((resolve, reject) => {
        readAt(this.#fd, bytes, done, length - done, offset + done, (error, read) => {
          if (error)
            reject(
              new UnreadableError('io', `standard input can't be read (${error.code ?? error.message})`),
            );
          else resolve(read);
        });
      });
      if (count === 0) throw new UnreadableError('changed', 'standard input got shorter while it was read');
      done += count;
    }
    return bytes;
  }
}
