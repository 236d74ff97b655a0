import type { ArchiveRecord, Checkpoint, HeaderFault } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, type Segment, streamSegment } from '../io/segment.ts';
import { crc32 } from '../zip/checksum.ts';
import { METHOD_DEFLATED, METHOD_STORED } from '../zip/constants.ts';
import { readDirectory } from '../zip/directory.ts';
import { locateData } from '../zip/locate-data.ts';
import { isSmall } from './small-file.ts';
import { checkSparseIndices, type IndexFault } from './sparse-indices.ts';
import { storagesByOffset } from './torch-archives.ts';
import type { ValueFacts, ValueOptions } from './value-facts.ts';

/** Bytes of a record that are read at a time: few of a file, so that they are still in the cache when their checksum is computed. */
const CHUNK = 2 ** 19;
const CHUNK_ELSEWHERE = 4 * 2 ** 20;
/** Records this close together come in one read. */
const NEAR = 64 * 1024;
/** Records in work at once: one is read while the checksum of another is computed. */
const AT_ONCE = 2;

/** A record whose bytes are not those that its CRC-32 was computed of. */
export interface ChecksumFault {
  /** As `ArchiveRecord` names it. */
  readonly record: string;
  readonly declared: number;
  /** Undefined where deflated bytes are so damaged that they can't be inflated. */
  readonly found: number | undefined;
  /** The storage that the record holds; undefined for the pickle and other records. */
  readonly storage: Storage | undefined;
}

/** What no open checkpoint has in memory: found by reading the whole file. */
export interface PayloadFacts {
  /** Undefined where they were not asked for, or the container has no checksums. */
  readonly checksums?: {
    /** Records that have a checksum and were held against it. */
    readonly checked: number;
    readonly faults: readonly ChecksumFault[];
  };
  /** What the numbers in the tensors are like; undefined where that was not asked for. */
  readonly values?: ValueFacts;
  /** Local headers that contradict the directory, all of them. */
  readonly headers?: readonly HeaderFault[];
  /** Sparse tensors with indices outside of their shapes, among those that were looked at. */
  readonly sparse?: readonly IndexFault[];
}

export interface PayloadOptions {
  /**
   * Hold every record of an archive against its CRC-32, every local header against the directory, and every index of a sparse tensor
   * against its shape. Without it that is done for what costs next to nothing: files that were read whole to find their directory, and
   * indices of a megabyte.
   */
  readonly crc?: boolean;
  /**
   * Look at every number of every tensor, and make histograms where options ask for them. All that `crc` asks for is done as well: the
   * numbers of bytes that changed are not those that were saved.
   */
  readonly values?: boolean | Omit<ValueOptions, 'onProgress'>;
  readonly onProgress?: (read: number, total: number) => void;
}

/** Bytes of indices that are read without being asked. */
const FEW_INDICES = 2 ** 20;

/**
 * Reads the tensor bytes and tells what the rules want to know of them. Memory does not grow with the file.
 * @throws UnreadableError where bytes can't be had, or a record has no local header.
 */
export async function examinePayload(
  checkpoint: Checkpoint,
  options: PayloadOptions = {},
): Promise<PayloadFacts> {
  const { values = false, onProgress } = options;
  const facts = await recordFacts(checkpoint, { ...options, crc: options.crc || values !== false });
  if (!values) return facts;
  const asked = values === true ? {} : values;
  return { ...facts, values: await valueFacts(checkpoint, { ...asked, onProgress }) };
}

async function recordFacts(
  checkpoint: Checkpoint,
  { crc = false, onProgress }: PayloadOptions,
): Promise<PayloadFacts> {
  const sparse = await checkSparseIndices(checkpoint, crc ? Number.POSITIVE_INFINITY : FEW_INDICES);
  if (!crc && !isSmall(checkpoint)) return { sparse };
  if (checkpoint.records.length === 0) return { sparse };
  if (crc) {
    const headers = await headerFaults(checkpoint);
    return { sparse, headers, checksums: await checkChecksums(checkpoint, onProgress) };
  }
  try {
    return { sparse, checksums: await checkChecksums(checkpoint, undefined) };
  } catch (error) {
    // who did not ask is not told that the bytes can't be had: opening the file has said what there is to say
    if (error instanceof UnreadableError) return { sparse };
    throw error;
  }
}

/** The kernels are loaded only where numbers are asked for. */
async function valueFacts(checkpoint: Checkpoint, options: ValueOptions): Promise<ValueFacts> {
  const { examineValues } = await import('./value-facts.ts');
  return examineValues(checkpoint, options);
}

async function headerFaults({ source }: Checkpoint): Promise<HeaderFault[]> {
  const faults: HeaderFault[] = [];
  await locateData(source, await readDirectory(source), {
    all: true,
    onFault: (entry, fault) => faults.push({ record: entry.name, fault }),
  });
  return faults;
}

async function checkChecksums(
  checkpoint: Checkpoint,
  onProgress: PayloadOptions['onProgress'],
): Promise<NonNullable<PayloadFacts['checksums']>> {
  const { records, source } = checkpoint;
  const storages = storagesByOffset(checkpoint);
  // torch writes 0 everywhere where it was told not to compute them
  const queue = records.filter(
    ({ crc32, size, method, dataOffset }) =>
      crc32 !== 0 && size > 0 && dataOffset !== null && [METHOD_STORED, METHOD_DEFLATED].includes(method),
  );
  const total = queue.reduce((sum, { storedSize }) => sum + storedSize, 0);
  const faults = new Map<ArchiveRecord, ChecksumFault>();
  let read = 0;
  let next = 0;
  const judge = (record: ArchiveRecord, found: number | undefined): void => {
    read += record.storedSize;
    onProgress?.(read, total);
    if (found === record.crc32) return;
    const storage = storages.get(record.dataOffset as number);
    faults.set(record, { record: record.name, declared: record.crc32, found, storage });
  };
  const groups = neighbours(queue);
  const work = async (): Promise<void> => {
    const chunk = Buffer.allocUnsafeSlow(source.withDescriptor ? CHUNK : CHUNK_ELSEWHERE);
    for (let group = groups[next++]; group; group = groups[next++]) {
      const [first, ...others] = group as [ArchiveRecord, ...ArchiveRecord[]];
      if (others.length === 0) judge(first, await checksumOf(contentOf(source, first), chunk));
      else for (const [record, found] of await checksumsOf(source, group)) judge(record, found);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return {
    checked: queue.length,
    faults: queue.flatMap((record) => faults.get(record) ?? []),
  };
}

/** Stored records that stand close together, so that small ones don't cost a read each; all others by themselves. */
function neighbours(records: readonly ArchiveRecord[]): ArchiveRecord[][] {
  const sorted = [...records].sort((a, b) => (a.dataOffset as number) - (b.dataOffset as number));
  const groups: ArchiveRecord[][] = [];
  let end = 0;
  for (const record of sorted) {
    const group = groups.at(-1);
    const start = group?.[0]?.dataOffset as number | undefined;
    const offset = record.dataOffset as number;
    const finish = offset + record.storedSize;
    const joins =
      start !== undefined &&
      [group?.[0], record].every((each) => each?.method === METHOD_STORED) &&
      offset - end <= NEAR &&
      Math.max(end, finish) - start <= CHUNK;
    if (joins) group?.push(record);
    else groups.push([record]);
    end = joins ? Math.max(end, finish) : finish;
  }
  return groups;
}

async function checksumsOf(
  source: Checkpoint['source'],
  records: readonly ArchiveRecord[],
): Promise<(readonly [ArchiveRecord, number])[]> {
  const start = records[0]?.dataOffset as number;
  const end = Math.max(...records.map(({ dataOffset, storedSize }) => (dataOffset as number) + storedSize));
  const bytes = await source.read(start, end - start);
  return records.map((record) => {
    const at = (record.dataOffset as number) - start;
    return [record, crc32(bytes.subarray(at, at + record.storedSize))];
  });
}

function contentOf(source: Checkpoint['source'], record: ArchiveRecord): Segment {
  const range = { source, offset: record.dataOffset as number, length: record.storedSize };
  return record.method === METHOD_DEFLATED ? { deflated: range, length: record.size } : range;
}

/** @param chunk Memory to read into. */
async function checksumOf(content: Segment, chunk: Buffer): Promise<number | undefined> {
  let sum = 0;
  try {
    for await (const bytes of chunksOf(content, chunk)) sum = crc32(bytes, sum);
  } catch (error) {
    if (error instanceof UnreadableError && error.code === 'bad-archive') return undefined;
    throw error;
  }
  return sum;
}

async function* chunksOf(content: Segment, chunk: Buffer): AsyncGenerator<Uint8Array, void, void> {
  if (!isRange(content) || !content.source.readInto) {
    yield* streamSegment(content, CHUNK);
    return;
  }
  const { source, offset, length } = content;
  for (let at = 0; at < length; at += chunk.length) {
    const bytes = chunk.subarray(0, length - at);
    await source.readInto?.(offset + at, bytes);
    yield bytes;
  }
}
