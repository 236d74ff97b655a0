import type { ByteSink } from './byte-sink.ts';
import { gather, type Placed } from './gather.ts';
import { isBytes, isRange, type Segment, streamSegment } from './segment.ts';

/** Four buffers of 4 MiB in flight move bytes as fast as `cp` does; a single loop takes two to four times as long. */
const WINDOW_BYTES = 4 * 1024 * 1024;
const WINDOWS = 4;
const STREAM_CHUNK = 256 * 1024;

/** Writes `length` bytes at `at` of a buffer. */
export type Fill = (buffer: Buffer, at: number) => void;

/** A stretch of the output that is assembled in one buffer and written at once. */
interface Window {
  readonly buffer: Buffer;
  /** Offset in the output. */
  readonly offset: number;
  length: number;
  readonly reads: Placed[];
  /** What happens once all bytes of the reads are there, in the order of the output. */
  readonly steps: ((buffer: Buffer) => void)[];
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
  readonly #inFlight: Promise<Buffer>[] = [];
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
    this.#window = openWindow(Buffer.allocUnsafeSlow(this.#windowBytes), 0);
  }

  /** Appends `length` bytes that `fill` writes at once. They stand in one window, so `length` is at most 4 MiB. */
  async append(length: number, fill: Fill): Promise<void> {
    const at = await this.#reserve(length);
    fill(this.#window.buffer, at);
  }

  /** Appends `length` bytes that `fill` writes once everything before them was seen. */
  async appendLater(length: number, fill: Fill): Promise<void> {
    const at = await this.#reserve(length);
    this.#window.steps.push((buffer) => fill(buffer, at));
  }

  /** Appends the bytes of a segment; `see` gets them piece by piece, in order, when they are there. */
  async appendSegment(segment: Segment, see: (bytes: Uint8Array) => void): Promise<void> {
    if (isBytes(segment)) await this.#appendBytes(segment, see);
    else if (isRange(segment)) {
      const { source, offset, length } = segment;
      await this.#appendStretches(length, see, (from, count, at) => {
        this.#window.reads.push({ source, offset: offset + from, length: count, at });
      });
    } else {
      for await (const chunk of streamSegment(segment, STREAM_CHUNK)) await this.#appendBytes(chunk, see);
    }
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

  #appendBytes(bytes: Uint8Array, see: (bytes: Uint8Array) => void): Promise<void> {
    return this.#appendStretches(bytes.byteLength, see, (from, count, at) => {
      this.#window.buffer.set(bytes.subarray(from, from + count), at);
    });
  }

  /** Cuts `length` bytes into stretches that fit into windows, and has each put at its place. */
  async #appendStretches(
    length: number,
    see: (bytes: Uint8Array) => void,
    put: (from: number, count: number, at: number) => void,
  ): Promise<void> {
    let from = 0;
    while (from < length) {
      const at = await this.#reserve(1);
      const count = Math.min(length - from, this.#windowBytes - at);
      put(from, count, at);
      this.#window.steps.push((buffer) => see(buffer.subarray(at, at + count)));
      this.#window.length = at + count;
      from += count;
    }
  }

  /** Position in the current window of the next `length` bytes; a window that has no room for them ends before. */
  async #reserve(length: number): Promise<number> {
    if (length > this.#windowBytes) throw new RangeError(`${length} bytes don't fit into a window`);
    if (this.#window.length + length > this.#windowBytes) await this.#send();
    const at = this.#window.length;
    this.#window.length += length;
    return at;
  }

  /** Sets the current window on its way and opens the next one. */
  async #send(): Promise<void> {
    const window = this.#window;
    if (window.length === 0) return;
    const gathered = gather(window.reads, window.buffer);
    const before = this.#stepped;
    const stepped = gathered
      .finally(() => before)
      .then(() => {
        for (const step of window.steps) step(window.buffer);
      });
    const written = stepped.then(async () => {
      await this.#sink.write(window.offset, window.buffer.subarray(0, window.length));
      this.#onWritten(window.length);
      return window.buffer;
    });
    // Both are awaited later, maybe never after another error; that must not end the process.
    stepped.catch(() => {});
    written.catch(() => {});
    this.#stepped = stepped;
    this.#inFlight.push(written);
    this.#window = openWindow(await this.#buffer(), window.offset + window.length);
  }

  async #buffer(): Promise<Buffer> {
    if (this.#buffers < WINDOWS) {
      this.#buffers++;
      return Buffer.allocUnsafeSlow(this.#windowBytes);
    }
    const oldest = await (this.#inFlight[0] as Promise<Buffer>);
    this.#inFlight.shift();
    return oldest;
  }
}

function openWindow(buffer: Buffer, offset: number): Window {
  return { buffer, offset, length: 0, reads: [], steps: [] };
}
