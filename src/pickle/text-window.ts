import { decodeText } from './text.ts';

/**
 * Bytes that are turned into text at once. What is read from a chunk keeps it alive. A string of this length stays where V8 puts it
 * first; shorter ones are moved with all that is young.
 */
const CHUNK = 2 ** 18;

/**
 * The short texts of a stream. A call into the decoder for each of 200 000 of them costs more than all else that is done with it, so
 * a chunk of the window becomes one string, and an ASCII text is a slice of that.
 */
export class TextWindow {
  #window: Buffer = Buffer.alloc(0);
  #chunk = '';
  #start = 0;
  #end = 0;

  open(window: Buffer): void {
    this.#window = window;
    this.#chunk = '';
    this.#start = 0;
    this.#end = 0;
  }

  /** The bytes `[start, end)` of the window as `decodeText` has it. */
  read(start: number, end: number): string | undefined {
    const window = this.#window;
    for (let i = start; i < end; i++) {
      if ((window[i] as number) >= 0x80) return decodeText(window, start, end);
    }
    if (start < this.#start || end > this.#end) {
      if (end - start > CHUNK) return window.toString('latin1', start, end);
      this.#start = start;
      this.#end = Math.min(start + CHUNK, window.length);
      this.#chunk = window.toString('latin1', start, this.#end);
    }
    return this.#chunk.slice(start - this.#start, end - this.#start);
  }
}
