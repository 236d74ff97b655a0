import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { gather, type Placed } from '../io/gather.ts';
import { BLOCK_HEADER, type Block } from './legacy-stream.ts';

/**
 * Headers that are read in one go. Small storages share a read, large ones cost one each; of very many large ones a sample is
 * looked at, the last one always: bytes that are missing or too many anywhere move it.
 */
const MOST_SCATTERED = 4096;
/** Blocks from this size on share no read with their neighbours. */
const SCATTERED = 16 * 1024;

/**
 * Holds the number of elements before each block against the pickle.
 * @throws UnreadableError `bad-archive` naming the first storage that differs.
 */
export async function checkBlocks(source: ByteSource, blocks: readonly Block[]): Promise<void> {
  const whole = blocks.filter(({ offset }) => offset + BLOCK_HEADER <= source.size);
  const checked = sample(whole);
  const headers = Buffer.allocUnsafe(checked.length * BLOCK_HEADER);
  const reads: Placed[] = checked.map(({ offset }, index) => ({
    source,
    offset,
    length: BLOCK_HEADER,
    at: index * BLOCK_HEADER,
  }));
  await gather(reads, headers);
  for (const [index, { key, numel, offset }] of checked.entries()) {
    const found = headers.readBigInt64LE(index * BLOCK_HEADER);
    if (found === BigInt(numel)) continue;
    throw new UnreadableError(
      'bad-archive',
      `legacy torch.save stream: storage ${JSON.stringify(key.slice(0, 40))} at offset ${offset} says ${found} elements, its pickle ${numel}: bytes before it are missing or too many; get the file again`,
      offset,
    );
  }
}

function sample(blocks: readonly Block[]): readonly Block[] {
  const scattered = blocks.filter(({ bytes }) => bytes >= SCATTERED).length;
  if (scattered <= MOST_SCATTERED) return blocks;
  const step = Math.ceil(blocks.length / MOST_SCATTERED);
  return blocks.filter((_, index) => index % step === 0 || index === blocks.length - 1);
}
