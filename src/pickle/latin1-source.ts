import { type ByteSource, checkRange, type SourceRange } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';

/** Bytes of text that are decoded at a time, and the distance of the marks from which a read may start. */
const CHUNK = 256 * 1024;

/** Where in the text a byte stands. */
interface Mark {
  readonly byte: number;
  readonly text: number;
}

/**
 * The bytes that protocol 2 wrote as text: each byte is a character of latin-1, and the characters stand in the file as UTF-8, those
 * from 0x80 on as two bytes. To read at random needs marks, which grow with the farthest read.
 */
export class Latin1Source implements ByteSource {
  /** At most this many bytes: how many there are shows only when all of the text is decoded. */
  readonly size: number;
  readonly #text: SourceRange;
  readonly #marks: Mark[] = [{ byte: 0, text: 0 }];

  constructor(text: SourceRange) {
    this.#text = text;
    this.size = text.length;
  }

  /** @throws UnreadableError `truncated` past the end; `bad-pickle` where the text has a character that is no byte. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    const bytes = Buffer.allocUnsafe(length);
    let { byte, text } = this.#markBefore(offset);
    while (byte < offset + length) {
      const chunk = await this.#chunk(text, offset + length);
      const used = this.#decode(chunk, (index, value) => {
        const at = byte + index - offset;
        if (at >= 0 && at < length) bytes[at] = value;
      });
      byte += used.bytes;
      text += used.text;
      if (byte > (this.#marks.at(-1) as Mark).byte) this.#marks.push({ byte, text });
    }
    return bytes;
  }

  #markBefore(offset: number): Mark {
    let low = 0;
    let high = this.#marks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#marks[middle] as Mark).byte <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#marks[low] as Mark;
  }

  async #chunk(at: number, end: number): Promise<Uint8Array> {
    const length = Math.min(CHUNK, this.#text.length - at);
    if (length <= 0) {
      throw new UnreadableError(
        'truncated',
        `bytes that the pickle holds as text at offset ${this.#text.offset} end before byte ${end}; get the file again`,
        this.#text.offset,
      );
    }
    return this.#text.source.read(this.#text.offset + at, length);
  }

  /** Decodes what is whole in a chunk. */
  #decode(
    chunk: Uint8Array,
    put: (index: number, value: number) => void,
  ): { readonly bytes: number; readonly text: number } {
    let bytes = 0;
    let at = 0;
    while (at < chunk.length) {
      const code = chunk[at] as number;
      if (code < 0x80) {
        put(bytes++, code);
        at++;
        continue;
      }
      const next = chunk[at + 1];
      // the second half is in the next chunk
      if (next === undefined && at > 0) break;
      if ((code !== 0xc2 && code !== 0xc3) || next === undefined || (next & 0xc0) !== 0x80) {
        throw new UnreadableError(
          'bad-pickle',
          `bad pickle: text at offset ${this.#text.offset} stands for bytes, but has a character that is none`,
          this.#text.offset,
        );
      }
      put(bytes++, ((code & 3) << 6) | (next & 0x3f));
      at += 2;
    }
    return { bytes, text: at };
  }
}
