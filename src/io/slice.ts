import { checkRange } from './byte-source.ts';
import {
  isBytes,
  isConverted,
  isJoined,
  isRange,
  joinSegments,
  type Segment,
  streamSegment,
} from './segment.ts';

/** Bytes of a segment that can only be read in order that are in memory at a time. */
const CHUNK = 256 * 1024;

/**
 * The bytes `[offset, offset + length)` of a segment as a segment.
 * @throws UnreadableError `truncated` where it has fewer bytes.
 */
export function sliceSegment(segment: Segment, offset: number, length: number): Segment {
  checkRange(segment.length, offset, length, 'part of a segment');
  if (offset === 0 && length === segment.length) return segment;
  if (isBytes(segment)) return segment.subarray(offset, offset + length);
  if (isRange(segment)) return { source: segment.source, offset: segment.offset + offset, length };
  if (isJoined(segment)) return sliceParts(segment.parts, offset, length);
  if (isConverted(segment)) {
    const { from, unitBefore, unitAfter } = segment;
    if (offset % unitAfter === 0 && length % unitAfter === 0) {
      const before = (bytes: number) => (bytes / unitAfter) * unitBefore;
      return { ...segment, from: sliceSegment(from, before(offset), before(length)), length };
    }
  }
  return { length, generate: () => streamSlice(segment, offset, length) };
}

function sliceParts(parts: readonly Segment[], offset: number, length: number): Segment {
  const cut: Segment[] = [];
  let at = 0;
  for (const part of parts) {
    const from = Math.max(0, offset - at);
    const to = Math.min(part.length, offset + length - at);
    if (to > from) cut.push(sliceSegment(part, from, to - from));
    at += part.length;
  }
  return joinSegments(cut);
}

/** Reads from the start and passes over what is not asked for. */
async function* streamSlice(
  segment: Segment,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array, void, void> {
  let at = 0;
  for await (const chunk of streamSegment(segment, CHUNK)) {
    const from = Math.max(0, offset - at);
    const to = Math.min(chunk.length, offset + length - at);
    if (to > from) yield chunk.subarray(from, to);
    at += chunk.length;
    if (at >= offset + length) return;
  }
}

/**
 * Stretches of a segment one after the other, read in order: few reads where they stand near each other.
 * @param runs First byte and the byte after the last of each stretch, by turns, rising.
 */
export function pickRuns(segment: Segment, runs: Float64Array): Segment {
  let length = 0;
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs.length; i += 2) {
    const run = (runs[i + 1] as number) - (runs[i] as number);
    length += run;
    shortest = Math.min(shortest, run);
  }
  if (runs.length <= 2 || shortest >= LARGE) {
    const parts: Segment[] = [];
    for (let i = 0; i < runs.length; i += 2)
      parts.push(sliceSegment(segment, runs[i] as number, (runs[i + 1] as number) - (runs[i] as number)));
    return joinSegments(parts);
  }
  checkRange(segment.length, runs[0] as number, (runs.at(-1) as number) - (runs[0] as number), 'runs');
  return { length, generate: () => streamRuns(segment, runs, length) };
}

/** Stretches from this length on are worth a copy of their own. */
const LARGE = 64 * 1024;
/** Bytes that are read at once to pick short stretches from. */
const WINDOW = 1024 * 1024;

async function* streamRuns(
  segment: Segment,
  runs: Float64Array,
  length: number,
): AsyncGenerator<Uint8Array, void, void> {
  let out = Buffer.allocUnsafeSlow(Math.min(CHUNK, length));
  let filled = 0;
  let given = 0;
  let next = 0;
  for await (const { bytes, at } of windows(segment, runs)) {
    const end = at + bytes.length;
    for (; next < runs.length; next += 2) {
      let from = Math.max(runs[next] as number, at);
      const to = Math.min(runs[next + 1] as number, end);
      while (from < to) {
        const count = Math.min(to - from, out.length - filled);
        out.set(bytes.subarray(from - at, from - at + count), filled);
        filled += count;
        from += count;
        if (filled < out.length) continue;
        yield out;
        given += filled;
        out = Buffer.allocUnsafeSlow(Math.min(CHUNK, length - given));
        filled = 0;
      }
      if ((runs[next + 1] as number) > end) break;
    }
  }
}

/** The bytes of a segment in order, without long stretches that no run is in where they can be passed over. */
async function* windows(segment: Segment, runs: Float64Array) {
  if (!isRange(segment)) {
    let at = 0;
    for await (const bytes of streamSegment(segment, CHUNK)) {
      yield { bytes, at };
      at += bytes.length;
    }
    return;
  }
  const { source, offset } = segment;
  const last = runs.at(-1) as number;
  let done = 0;
  for (let run = 0; run < runs.length; run += 2) {
    const end = runs[run + 1] as number;
    while (done < end) {
      const at = Math.max(done, runs[run] as number);
      const bytes = await source.read(offset + at, Math.min(WINDOW, last - at));
      yield { bytes, at };
      done = at + bytes.length;
    }
  }
}
