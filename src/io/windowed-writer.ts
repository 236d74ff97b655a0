import { allocate } from '../vector/machine.ts';
import type { ByteSink } from './byte-sink.ts';
import { gather, type Placed } from './gather.ts';
import {
  type ConvertedSegment,
  isBytes,
  isConverted,
  isJoined,
  isRange,
  type Segment,
  streamSegment,
} from './segment.ts';

/**
 * A few small buffers in flight stay in the caches of the processor from the read through the checksum to the write: with larger ones
 * each of the three fetches the bytes from memory again, which takes half as much time more.
 */
const WINDOW_BYTES = 1024 * 1024;
const WINDOWS = 6;
const STREAM_CHUNK = 256 * 1024;

/** Numbers that are narrowed were mostly twice as wide: where they take more, memory of their own is taken for them. */
const SCRATCH_SHARE = 2;

/** Writes `length` bytes at `at` of a buffer. */
export type Fill = (buffer: Buffer, at: number) => void;

/** Gets to see bytes of a segment, in order. */
export type See = (bytes: Uint8Array) => void;

/** Puts `count` bytes, from `from` on of what is being appended, at `at` of the current window. */
type Put = (from: number, count: number, at: number) => void;

/** A buffer of the output, and one for what is to be converted into it; both are used again and again. */
interface Buffers {
  readonly output: Buffer;
  /** Grows to what is needed. */
  scratch: Buffer;
}

/**
 * In memory the output stands at the same remainder of this as in the file, so that numbers that are aligned there are aligned here
 * and can be written through typed arrays.
 */
const ALIGNMENT = 64;

/** A stretch of the output that is assembled in one buffer and written at once. */
interface Window {
  readonly buffers: Buffers;
  readonly buffer: Buffer;
  /** Offset in the output. */
  readonly offset: number;
  length: number;
  readonly reads: Placed[];
  /** Reads of what is to be converted, placed in the scratch buffer. */
  readonly unconverted: Placed[];
  scratchBytes: number;
  /** What happens once all bytes of the reads are there, in the order of the output. */
  readonly steps: ((buffer: Buffer, scratch: Buffer) => void)[];
}

/**
 * Writes an output from front to back through a few buffers ("windows"), with several reads and writes in flight. Ranges
 * of sources are read straight into the window; whoever wants to see the bytes (for a checksum) sees them there, in order.
 *
 * One caller at a time: each method is awaited before the next is called. After an error, and at the end, `settle` waits
 * until nothing is in flight any more.
 */
export class WindowedWriter {
  readonly #sink: ByteSink;
  readonly #windowBytes: number;
  readonly #onWritten: (bytes: number) => void;
  /** Windows on their way, oldest first; each gives its buffer back when it is written. */
  readonly #inFlight: Promise<Buffers>[] = [];
  #buffers = 1;
  #window: Window;
  /** Settles when all steps of the windows that were sent have run. */
  #stepped: Promise<void> = Promise.resolve();

  /**
   * @param expected Bytes that will be written in all, so that a small output takes a small buffer.
   * @param onWritten Told the bytes of each window that has reached the sink.
   */
  constructor(sink: ByteSink, expected: number, onWritten: (bytes: number) => void = () => {}) {
    this.#sink = sink;
    this.#windowBytes = Math.max(1, Math.min(WINDOW_BYTES, expected));
    this.#onWritten = onWritten;
    this.#window = openWindow(this.#newBuffers(), 0, this.#windowBytes);
  }

  #newBuffers(): Buffers {
    const outputBytes = (Math.ceil(this.#windowBytes / ALIGNMENT) + 1) * ALIGNMENT;
    const both = allocate(outputBytes + SCRATCH_SHARE * this.#windowBytes);
    return { output: both.subarray(0, outputBytes), scratch: both.subarray(outputBytes) };
  }

  /**
   * Appends `length` bytes that `fill` writes at once. They stand in one window, so `length` is at most 1 MiB.
   *
   * This and the next two give a promise only where there is something to wait for: a hundred thousand small records are
   * appended without one.
   */
  append(length: number, fill: Fill): Promise<void> | undefined {
    const at = this.#reserve(length);
    if (at === undefined) return this.#send().then(() => this.append(length, fill));
    fill(this.#window.buffer, at);
    return undefined;
  }

  /** Appends `length` bytes that `fill` writes once everything before them was seen. */
  appendLater(length: number, fill: Fill): Promise<void> | undefined {
    const at = this.#reserve(length);
    if (at === undefined) return this.#send().then(() => this.appendLater(length, fill));
    this.#window.steps.push((buffer) => fill(buffer, at));
    return undefined;
  }

  /** Appends the bytes of a segment; `see` gets them piece by piece, in order, when they are there. */
  appendSegment(segment: Segment, see: See): Promise<void> | undefined {
    if (isBytes(segment)) return this.#appendBytes(segment, see);
    if (isJoined(segment)) return this.#appendParts(segment.parts, see);
    if (isConverted(segment)) return this.#appendConverted(segment, see);
    if (!isRange(segment)) return this.#appendStream(segment, see);
    const { source, offset, length } = segment;
    return this.#appendStretches(length, see, (from, count, at) => {
      this.#window.reads.push({ source, offset: offset + from, length: count, at });
    });
  }

  /** Waits until all bytes so far were seen, and all that was to be filled later is. */
  async seen(): Promise<void> {
    await this.#send();
    await this.#stepped;
  }

  /** Writes what is left and waits until all is written. */
  async end(): Promise<void> {
    await this.#send();
    await Promise.all(this.#inFlight);
  }

  /** Waits until nothing is in flight, however it ends. Never throws. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  async #appendParts(parts: readonly Segment[], see: See): Promise<void> {
    for (const part of parts) {
      const waiting = this.appendSegment(part, see);
      if (waiting !== undefined) await waiting;
    }
  }

  /** Ranges are read beside the window, several reads at a time as for a copy, and converted into it. */
  #appendConverted(segment: ConvertedSegment, see: See): Promise<void> | undefined {
    const { from: before, unitBefore, unitAfter, length } = segment;
    if (isJoined(before) && before.parts.every((part) => part.length % unitBefore === 0)) {
      const parts = before.parts.map((part) => ({
        ...segment,
        from: part,
        length: (part.length / unitBefore) * unitAfter,
      }));
      return this.#appendParts(parts, see);
    }
    if (!isRange(before) || this.#windowBytes < unitAfter) return this.#appendStream(segment, see);
    const { source, offset } = before;
    return this.#appendStretches(
      length,
      see,
      (from, count, at) => {
        const window = this.#window;
        const start = window.scratchBytes;
        const bytes = (count / unitAfter) * unitBefore;
        window.unconverted.push({
          source,
          offset: offset + (from / unitAfter) * unitBefore,
          length: bytes,
          at: start,
        });
        window.scratchBytes += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
        window.steps.push((buffer, scratch) => {
          segment.convert(scratch.subarray(start, start + bytes), buffer.subarray(at, at + count));
        });
      },
      unitAfter,
    );
  }

  async #appendStream(segment: Segment, see: See): Promise<void> {
    for await (const chunk of streamSegment(segment, STREAM_CHUNK)) await this.#appendBytes(chunk, see);
  }

  #appendBytes(bytes: Uint8Array, see: See): Promise<void> | undefined {
    return this.#appendStretches(bytes.byteLength, see, (from, count, at) => {
      this.#window.buffer.set(bytes.subarray(from, from + count), at);
    });
  }

  /** Cuts `length` bytes into stretches of whole `unit`s that fit into windows, and has each put at its place. */
  #appendStretches(length: number, see: See, put: Put, unit = 1): Promise<void> | undefined {
    const done = this.#putStretch(0, length, see, put, unit);
    return done === length ? undefined : this.#appendRest(done, length, see, put, unit);
  }

  async #appendRest(start: number, length: number, see: See, put: Put, unit: number): Promise<void> {
    for (let done = start; done < length; done = this.#putStretch(done, length, see, put, unit))
      await this.#send();
  }

  /** Puts as many of the bytes from `done` to `length` as the window has room for, and returns how many are done then. */
  #putStretch(done: number, length: number, see: See, put: Put, unit: number): number {
    const at = this.#window.length;
    const room = this.#windowBytes - at;
    const count = Math.min(length - done, room - (room % unit));
    if (count === 0) return done;
    this.#window.length += count;
    put(done, count, at);
    this.#window.steps.push((buffer) => see(buffer.subarray(at, at + count)));
    return done + count;
  }

  /** Position in the current window of the next `length` bytes; undefined where it has no room for them. */
  #reserve(length: number): number | undefined {
    if (length > this.#windowBytes) throw new RangeError(`${length} bytes don't fit into a window`);
    const at = this.#window.length;
    if (at + length > this.#windowBytes) return undefined;
    this.#window.length += length;
    return at;
  }

  /** Sets the current window on its way and opens the next one. */
  async #send(): Promise<void> {
    const window = this.#window;
    if (window.length === 0) return;
    const { buffers } = window;
    if (buffers.scratch.length < window.scratchBytes)
      buffers.scratch = Buffer.allocUnsafeSlow(window.scratchBytes);
    const gathered = gatherBoth(window, buffers.scratch);
    const before = this.#stepped;
    const stepped = gathered
      .finally(() => before)
      .then(() => {
        for (const step of window.steps) step(window.buffer, buffers.scratch);
      });
    const written = stepped.then(async () => {
      await this.#sink.write(window.offset, window.buffer.subarray(0, window.length));
      this.#onWritten(window.length);
      return buffers;
    });
    // Both are awaited later, maybe never after another error; that must not end the process.
    stepped.catch(() => {});
    written.catch(() => {});
    this.#stepped = stepped;
    this.#inFlight.push(written);
    this.#window = openWindow(await this.#free(), window.offset + window.length, this.#windowBytes);
  }

  async #free(): Promise<Buffers> {
    if (this.#buffers < WINDOWS) {
      this.#buffers++;
      return this.#newBuffers();
    }
    const oldest = await (this.#inFlight[0] as Promise<Buffers>);
    this.#inFlight.shift();
    return oldest;
  }
}

/** Settles only when no read is in flight any more. */
async function gatherBoth({ reads, unconverted, buffer }: Window, scratch: Buffer): Promise<void> {
  const both = [gather(reads, buffer), gather(unconverted, scratch)];
  for (const result of await Promise.allSettled(both)) if (result.status === 'rejected') throw result.reason;
}

function openWindow(buffers: Buffers, offset: number, length: number): Window {
  const start = offset % ALIGNMENT;
  const buffer = buffers.output.subarray(start, start + length);
  return {
    buffers,
    buffer,
    offset,
    length: 0,
    reads: [],
    unconverted: [],
    scratchBytes: 0,
    steps: [],
  };
}
