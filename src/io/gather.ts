import type { ByteSource, SourceRange } from './byte-source.ts';

/** A range of a source and where in a buffer its bytes are wanted. */
export interface Placed extends SourceRange {
  readonly at: number;
}

/** From this length on a range is worth a read of its own, straight into its place. */
const LARGE = 64 * 1024;
/** Small ranges this close together come in one read: the bytes between them cost less than another read. */
const NEAR = 16 * 1024;
const LONGEST_READ = 1024 * 1024;

/**
 * Fills `buffer` from ranges of sources, with few reads: a hundred thousand ranges of some bytes each that stand near each
 * other, in whatever order, come in one read per MiB. Settles only when no read is in flight any more.
 *
 * @throws what the sources throw.
 */
export async function gather(ranges: readonly Placed[], buffer: Buffer): Promise<void> {
  const small = ranges.filter((range) => range.length < LARGE);
  const large = ranges.filter((range) => range.length >= LARGE);
  const reads = [...large.map((range) => [range]), ...neighbours(small)].map((group) =>
    readGroup(group, buffer),
  );
  for (const result of await Promise.allSettled(reads)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

/** Groups of ranges that one read can serve, each in the order of its source. */
function neighbours(ranges: readonly Placed[]): Placed[][] {
  const groups: Placed[][] = [];
  for (const own of bySource(ranges)) {
    own.sort((a, b) => a.offset - b.offset);
    let group: Placed[] = [];
    let end = 0;
    for (const range of own) {
      const start = group[0]?.offset ?? 0;
      const fits = range.offset - end <= NEAR && range.offset + range.length - start <= LONGEST_READ;
      if (group.length === 0 || !fits) {
        group = [];
        groups.push(group);
        end = 0;
      }
      group.push(range);
      end = Math.max(end, range.offset + range.length);
    }
  }
  return groups;
}

async function readGroup(group: readonly Placed[], buffer: Buffer): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const { source, offset } = first;
  if (group.length === 1 && source.readInto !== undefined) {
    await source.readInto(offset, buffer.subarray(first.at, first.at + first.length));
    return;
  }
  let end = offset;
  for (const range of group) end = Math.max(end, range.offset + range.length);
  const bytes = await source.read(offset, end - offset);
  for (const range of group) {
    buffer.set(bytes.subarray(range.offset - offset, range.offset - offset + range.length), range.at);
  }
}

function bySource(ranges: readonly Placed[]): Iterable<Placed[]> {
  const lists = new Map<ByteSource, Placed[]>();
  for (const range of ranges) {
    const list = lists.get(range.source);
    if (list === undefined) lists.set(range.source, [range]);
    else list.push(range);
  }
  return lists.values();
}
