import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { BLOCK_HEADER, type Block } from './legacy-stream.ts';

/** Headers this close together come in one read: the bytes between them cost less than another read. */
const NEAR = 16 * 1024;
const LONGEST_READ = 1024 * 1024;
/** Reads in flight. */
const AT_ONCE = 8;
/**
 * Reads in all. A file of very many large storages would cost one each; of such, a sample is looked at, the last one always: bytes
 * that are missing or too many anywhere move it.
 */
const MOST_READS = 4096;

/** Neighbouring blocks whose headers come in one read: `[first, end)` of the list. */
interface Run {
  readonly first: number;
  readonly end: number;
}

/**
 * Holds the number of elements before each block against the pickle.
 * @param blocks In the order of the file.
 * @throws UnreadableError `bad-archive` naming a storage that differs.
 */
export async function checkBlocks(source: ByteSource, blocks: readonly Block[]): Promise<void> {
  const runs = sample(runsOf(source, blocks));
  for (let start = 0; start < runs.length; start += AT_ONCE) {
    const batch = runs.slice(start, start + AT_ONCE);
    await Promise.all(batch.map((run) => checkRun(source, blocks, run)));
  }
}

function runsOf(source: ByteSource, blocks: readonly Block[]): Run[] {
  const runs: Run[] = [];
  let first = 0;
  for (const [index, { offset }] of blocks.entries()) {
    const start = (blocks[first] as Block).offset;
    const before = (blocks[index - 1] ?? blocks[0]) as Block;
    const whole = offset + BLOCK_HEADER <= source.size;
    const joins = offset - before.offset <= NEAR && offset + BLOCK_HEADER - start <= LONGEST_READ;
    if (index > first && !(whole && joins)) {
      runs.push({ first, end: index });
      first = index;
    }
    if (!whole) return runs;
  }
  if (blocks.length > 0) runs.push({ first, end: blocks.length });
  return runs;
}

function sample(runs: readonly Run[]): readonly Run[] {
  if (runs.length <= MOST_READS) return runs;
  const step = Math.ceil(runs.length / MOST_READS);
  return runs.filter((_, index) => index % step === 0 || index === runs.length - 1);
}

async function checkRun(source: ByteSource, blocks: readonly Block[], { first, end }: Run): Promise<void> {
  const start = (blocks[first] as Block).offset;
  const length = (blocks[end - 1] as Block).offset + BLOCK_HEADER - start;
  const read = await source.read(start, length);
  const bytes = Buffer.from(read.buffer, read.byteOffset, length);
  for (let index = first; index < end; index++) {
    const { key, numel, offset } = blocks[index] as Block;
    const low = bytes.readUInt32LE(offset - start);
    const high = bytes.readInt32LE(offset - start + 4);
    const found = high * 2 ** 32 + low;
    if (found === numel) continue;
    throw new UnreadableError(
      'bad-archive',
      `legacy torch.save stream: storage ${JSON.stringify(key.slice(0, 40))} at offset ${offset} says ${found} elements, its pickle ${numel}: bytes before it are missing or too many; get the file again`,
      offset,
      'legacy/storage-size-mismatch',
    );
  }
}
