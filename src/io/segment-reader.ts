import { checkRange } from './byte-source.ts';
import { UnreadableError } from './errors.ts';
import { isBytes, isRange, type Segment, streamSegment } from './segment.ts';

/** Bytes of a segment that can only be read in order that are in memory at a time. */
const CHUNK = 256 * 1024;

/**
 * Reads at random from any segment. One that can only be read in order is read on where a read begins behind the one before, and from
 * its start where it does not.
 */
export class SegmentReader {
  readonly segment: Segment;
  #stream: AsyncGenerator<Uint8Array, void, void> | undefined;
  #chunk: Uint8Array = new Uint8Array();
  /** Where the chunk begins. */
  #at = 0;

  constructor(segment: Segment) {
    this.segment = segment;
  }

  /** @throws what the segment throws when it is read, `truncated` where it is too short. */
  async readInto(offset: number, into: Uint8Array): Promise<void> {
    const { segment } = this;
    checkRange(segment.length, offset, into.length, 'part of a segment');
    if (isBytes(segment)) into.set(segment.subarray(offset, offset + into.length));
    else if (isRange(segment)) {
      const { source } = segment;
      if (source.readInto) await source.readInto(segment.offset + offset, into);
      else into.set(await source.read(segment.offset + offset, into.length));
    } else await this.#readOn(offset, into);
  }

  async #readOn(offset: number, into: Uint8Array): Promise<void> {
    if (!this.#stream || offset < this.#at) {
      await this.close();
      this.#stream = streamSegment(this.segment, CHUNK);
    }
    for (let done = 0; done < into.length; ) {
      const from = offset + done - this.#at;
      if (from < this.#chunk.length) {
        const part = this.#chunk.subarray(from, from + into.length - done);
        into.set(part, done);
        done += part.length;
        continue;
      }
      this.#at += this.#chunk.length;
      const next = await this.#stream.next();
      this.#chunk = next.value ?? new Uint8Array();
      if (next.done) throw shortSegment(this.segment.length, this.#at);
    }
  }

  async close(): Promise<void> {
    await this.#stream?.return();
    this.#stream = undefined;
    this.#chunk = new Uint8Array();
    this.#at = 0;
  }
}

function shortSegment(length: number, found: number): UnreadableError {
  return new UnreadableError('truncated', `${length} bytes were to be read, and there are ${found}`, found);
}
