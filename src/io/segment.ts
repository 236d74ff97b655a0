import type { SourceRange } from './byte-source.ts';
import { UnreadableError } from './errors.ts';

/** Bytes that are inflated while they are read: a deflated zip entry. */
export interface InflatedRange {
  readonly deflated: SourceRange;
  /** Bytes after inflating, as the directory declares. */
  readonly length: number;
}

/** Bytes that are converted while they are read: other numbers of the same values, another byte order. */
export interface ConvertedSegment {
  readonly from: Segment;
  /** Bytes that stand for one value before and after; pieces to be converted are whole values. */
  readonly unitBefore: number;
  readonly unitAfter: number;
  /** Bytes after the conversion. */
  readonly length: number;
  /** Fills `after` with what stands for `before`: as many values. Is called once for each piece, in any order. */
  convert(before: Uint8Array, after: Uint8Array): void;
}

/** Segments one after the other. */
export interface JoinedSegment {
  readonly parts: readonly Segment[];
  readonly length: number;
}

/** Bytes that are worked out while they are read. */
export interface GeneratedSegment {
  readonly length: number;
  /** Gives exactly `length` bytes in order, each time it is called. */
  generate(): AsyncGenerator<Uint8Array, void, void>;
}

/**
 * A piece of what is to be read or written: bytes in memory, a range that is copied as it is, a range that is inflated, and what is
 * made of other segments on the way.
 */
export type Segment =
  | Uint8Array
  | SourceRange
  | InflatedRange
  | ConvertedSegment
  | JoinedSegment
  | GeneratedSegment;

/** A byte of deflated data stands for at most this many; an inflated length beyond that is a lie. */
const LARGEST_RATIO = 1032;

const STREAM_CHUNK = 256 * 1024;

export function isBytes(segment: Segment): segment is Uint8Array {
  return segment instanceof Uint8Array;
}

function isInflated(segment: Segment): segment is InflatedRange {
  return 'deflated' in segment;
}

/** True for a range that is copied as it is. */
export function isRange(segment: Segment): segment is SourceRange {
  return 'source' in segment;
}

export function isConverted(segment: Segment): segment is ConvertedSegment {
  return 'convert' in segment;
}

export function isJoined(segment: Segment): segment is JoinedSegment {
  return 'parts' in segment;
}

/** One segment of several; of none, no bytes. */
export function joinSegments(parts: readonly Segment[]): Segment {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  let length = 0;
  for (const part of parts) length += part.length;
  return length === 0 ? new Uint8Array() : { parts, length };
}

/** Bytes that a segment gives when it is read. */
export function segmentLength(segment: Segment): number {
  return segment.length;
}

/**
 * The whole of a segment in memory. The result may alias memory of the segment: don't write to it.
 *
 * @param limit The most bytes that the caller is ready to hold.
 * @throws UnreadableError `limit` beyond that; `bad-archive` where deflated data is damaged or its length is a lie; and
 * what the source throws.
 */
export async function readSegment(segment: Segment, limit: number): Promise<Uint8Array> {
  const length = segmentLength(segment);
  if (length > limit) {
    throw new UnreadableError(
      'limit',
      `${length} bytes were to be read into memory, more than the limit of ${limit}`,
    );
  }
  if (isBytes(segment)) return segment;
  if (isRange(segment)) return segment.source.read(segment.offset, length);
  if (isInflated(segment)) checkRatio(segment);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for await (const chunk of streamSegment(segment, STREAM_CHUNK)) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/**
 * The bytes of a segment in order, at most `chunkSize` of them in memory at a time. Exactly `segmentLength` bytes come,
 * or an error; never more.
 *
 * @throws UnreadableError as `readSegment`, but for `limit`.
 */
export async function* streamSegment(
  segment: Segment,
  chunkSize: number,
): AsyncGenerator<Uint8Array, void, void> {
  if (isBytes(segment)) yield segment;
  else if (isRange(segment)) yield* readChunks(segment, chunkSize);
  else if (isJoined(segment)) for (const part of segment.parts) yield* streamSegment(part, chunkSize);
  else if (isConverted(segment)) yield* convertChunks(segment, chunkSize);
  else if ('generate' in segment) yield* segment.generate();
  else {
    checkRatio(segment);
    yield* inflate(segment, chunkSize);
  }
}

/** Chunks come cut anywhere; what is left of a value waits for the next. */
async function* convertChunks(
  segment: ConvertedSegment,
  chunkSize: number,
): AsyncGenerator<Uint8Array, void, void> {
  const { from, unitBefore, unitAfter } = segment;
  let rest = Buffer.alloc(0);
  for await (const chunk of streamSegment(from, chunkSize)) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const values = Math.floor(bytes.length / unitBefore);
    const after = Buffer.allocUnsafeSlow(values * unitAfter);
    segment.convert(bytes.subarray(0, values * unitBefore), after);
    if (values > 0) yield after;
    rest = Buffer.from(bytes.subarray(values * unitBefore));
  }
}

async function* readChunks(range: SourceRange, chunkSize: number): AsyncGenerator<Uint8Array, void, void> {
  const { source, offset, length } = range;
  for (let at = 0; at < length; at += chunkSize) {
    yield await source.read(offset + at, Math.min(chunkSize, length - at));
  }
}

function checkRatio({ deflated, length }: InflatedRange): void {
  if (length > deflated.length * LARGEST_RATIO) {
    throw new UnreadableError(
      'bad-archive',
      `${deflated.length} deflated bytes at offset ${deflated.offset} are declared to inflate to ${length}, ` +
        `but can give at most ${deflated.length * LARGEST_RATIO}`,
      deflated.offset,
    );
  }
}

async function* inflate(segment: InflatedRange, chunkSize: number): AsyncGenerator<Uint8Array, void, void> {
  const { deflated, length } = segment;
  // Loaded when first needed: torch's own checkpoints are stored, and start-up time counts.
  const [{ createInflateRaw }, { pipeline, Readable }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
  ]);
  const inflater = createInflateRaw({ chunkSize: Math.max(chunkSize, 64) });
  // An error on either side destroys the other; it comes out of the loop below.
  pipeline(Readable.from(readChunks(deflated, STREAM_CHUNK)), inflater, () => {});
  let done = 0;
  try {
    for await (const chunk of inflater as AsyncIterable<Uint8Array>) {
      done += chunk.byteLength;
      if (done > length) throw badInflation(segment, `more than the declared ${length} bytes`);
      yield chunk;
    }
  } catch (error) {
    throw zlibError(segment, error);
  }
  if (done < length) throw badInflation(segment, `${done} bytes, not the declared ${length}`);
  if (inflater.bytesWritten < deflated.length) {
    throw badInflation(
      segment,
      `its ${length} bytes before its end: ${inflater.bytesWritten} of ${deflated.length} were used`,
    );
  }
}

function badInflation({ deflated }: InflatedRange, found: string): UnreadableError {
  return new UnreadableError(
    'bad-archive',
    `deflated data of ${deflated.length} bytes at offset ${deflated.offset} inflates to ${found}`,
    deflated.offset,
  );
}

function zlibError({ deflated }: InflatedRange, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!code.startsWith('Z_')) return error;
  return new UnreadableError(
    'bad-archive',
    `deflated data of ${deflated.length} bytes at offset ${deflated.offset} is damaged (${(error as Error).message}); ` +
      'copy or download the file again',
    deflated.offset,
  );
}
