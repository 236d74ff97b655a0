import { setImmediate } from 'node:timers/promises';
import type { ByteSource } from '../io/byte-source.ts';
import { isRange, type Segment } from '../io/segment.ts';
import { SegmentReader } from '../io/segment-reader.ts';
import type { Scan } from './scan.ts';
import { doScans, doScansLater } from './scan-work.ts';
import { Summarizer, type SummaryResult } from './summarizer.ts';
import type { SummaryKernels } from './summary-kernels.ts';
import { ScanThread, threadsFor } from './threads.ts';

/** A scan, and what its layout speaks of. */
export interface StoredScan {
  readonly content: Segment;
  readonly scan: Scan;
}

/** Scans that are done at one go, because they are small and of one source. */
interface Batch {
  readonly content: Segment;
  readonly scans: Scan[];
  /** Where among all scans each of these stands. */
  readonly places: number[];
  bytes: number;
}

/** A batch is about this large, so that no thread waits long for the last one. */
const BATCH_BYTES = 32 * 2 ** 20;
const BATCH_SCANS = 1024;
/** Batches that a thread has before it: the one that gives them out may be busy itself. */
const AHEAD = 2;

/**
 * Does scans, on several threads where that is worth it, and gives their results in the order of the scans.
 * @param kernels Those to use instead of the built-in ones; they stay on this thread.
 * @throws UnreadableError where bytes can't be had.
 */
export async function runScans(
  scans: readonly StoredScan[],
  onProgress: (done: number) => void,
  kernels?: SummaryKernels,
): Promise<SummaryResult[]> {
  const results = new Array<SummaryResult>(scans.length);
  const batches = batchesOf(scans);
  const [inFiles, elsewhere] = [batches.filter(isInFile), batches.filter((batch) => !isInFile(batch))];
  const threads: ScanThread[] = [];
  let done = 0;
  let failed = false;
  const settle = (batch: Batch, found: readonly SummaryResult[]): void => {
    batch.places.forEach((place, index) => {
      results[place] = found[index] as SummaryResult;
    });
    done += batch.bytes;
    onProgress(done);
  };
  const take = (queue: Batch[]) => (failed ? undefined : queue.shift());
  const onThread = async (thread: ScanThread): Promise<void> => {
    for (let batch = take(inFiles); batch; batch = take(inFiles))
      settle(
        batch,
        await inFile(batch, (descriptor, start) =>
          thread.run({ descriptor, start, scans: (batch as Batch).scans }),
        ),
      );
  };
  const here = async (): Promise<void> => {
    const summarizer = new Summarizer(kernels);
    for (let batch = take(inFiles); batch; batch = take(inFiles)) {
      const { scans: own } = batch;
      settle(
        batch,
        await inFile(batch, async (descriptor, start) =>
          doScans({ descriptor, start, scans: own }, summarizer),
        ),
      );
      // lets threads be fed, and a bar be drawn
      await setImmediate();
    }
  };
  const later = async (): Promise<void> => {
    const summarizer = new Summarizer(kernels);
    let reader: SegmentReader | undefined;
    for (let batch = take(elsewhere); batch; batch = take(elsewhere)) {
      if (reader?.segment !== batch.content) {
        await reader?.close();
        reader = new SegmentReader(batch.content);
      }
      const own = reader;
      settle(
        batch,
        await doScansLater(batch.scans, (offset, into) => own.readInto(offset, into), summarizer),
      );
    }
    await reader?.close();
  };
  const total = inFiles.reduce((sum, { bytes }) => sum + bytes, 0);
  try {
    for (let i = kernels ? 0 : threadsFor(total); i > 0; i--) threads.push(new ScanThread());
    const lanes = [
      ...threads.flatMap((thread) => Array.from({ length: AHEAD }, () => onThread(thread))),
      ...(inFiles.length > 0 ? [here()] : []),
      ...(elsewhere.length > 0 && !kernels ? [later()] : []),
    ];
    const outcomes = await Promise.allSettled(
      lanes.map((lane) =>
        lane.catch((error) => {
          failed = true;
          throw error;
        }),
      ),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    // kernels that were given have one window: what waits for its bytes must not share it
    if (kernels) await later();
  } finally {
    await Promise.all(threads.map((thread) => thread.stop()));
  }
  return results;
}

function batchesOf(scans: readonly StoredScan[]): Batch[] {
  const batches: Batch[] = [];
  scans.forEach(({ content, scan }, place) => {
    const bytes = scan.layout.dims.reduce((product, { size }) => product * size, scan.layout.run);
    const last = batches.at(-1);
    const [source, moved] = placed(content, scan);
    if (
      last &&
      sameSource(last.content, source) &&
      last.bytes + bytes <= BATCH_BYTES &&
      last.scans.length < BATCH_SCANS
    ) {
      last.scans.push(moved);
      last.places.push(place);
      last.bytes += bytes;
    } else batches.push({ content: source, scans: [moved], places: [place], bytes });
  });
  return batches;
}

/** Of ranges in a source, the source is what the layouts of a batch speak of. */
function placed(content: Segment, scan: Scan): [Segment, Scan] {
  if (!isRange(content)) return [content, scan];
  const { source, offset } = content;
  const layout = { ...scan.layout, start: scan.layout.start + offset };
  return [
    { source, offset: 0, length: source.size },
    { ...scan, layout },
  ];
}

function sameSource(a: Segment, b: Segment): boolean {
  return a === b || (isRange(a) && isRange(b) && a.source === b.source);
}

function isInFile({ content }: Batch): boolean {
  return isRange(content) && content.source.withDescriptor !== undefined;
}

function inFile<T>({ content }: Batch, use: (descriptor: number, start: number) => Promise<T>): Promise<T> {
  const { source } = content as { source: ByteSource };
  return (source.withDescriptor as NonNullable<ByteSource['withDescriptor']>)(use);
}
