import type { SourceRange } from '../io/byte-source.ts';
import type { Segment } from '../io/segment.ts';

/** Grows a run of bytes, with source ranges between them that are never loaded. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(2 ** 16);
  #used = 0;
  readonly #segments: Segment[] = [];
  /** Bytes so far, ranges included. */
  length = 0;

  #room(bytes: number): number {
    if (this.#used + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#used + bytes));
      this.#buffer.copy(larger, 0, 0, this.#used);
      this.#buffer = larger;
    }
    const at = this.#used;
    this.#used += bytes;
    this.length += bytes;
    return at;
  }

  byte(value: number): void {
    const at = this.#room(1);
    this.#buffer[at] = value;
  }

  /** An opcode with a one-byte argument. */
  two(code: number, value: number): void {
    const at = this.#room(2);
    this.#buffer[at] = code;
    this.#buffer[at + 1] = value;
  }

  codeUInt16(code: number, value: number): void {
    const at = this.#room(3);
    this.#buffer[at] = code;
    this.#buffer.writeUInt16LE(value, at + 1);
  }

  codeInt32(code: number, value: number): void {
    const at = this.#room(5);
    this.#buffer[at] = code;
    this.#buffer.writeInt32LE(value, at + 1);
  }

  codeUInt32(code: number, value: number): void {
    const at = this.#room(5);
    this.#buffer[at] = code;
    this.#buffer.writeUInt32LE(value, at + 1);
  }

  codeDoubleBE(code: number, value: number): void {
    const at = this.#room(9);
    this.#buffer[at] = code;
    this.#buffer.writeDoubleBE(value, at + 1);
  }

  bytes(content: Uint8Array): void {
    const at = this.#room(content.length);
    this.#buffer.set(content, at);
  }

  /** Code units below 0x80 as bytes. The caller has made sure of that. */
  ascii(text: string): void {
    const at = this.#room(text.length);
    for (let i = 0; i < text.length; i++) this.#buffer[at + i] = text.charCodeAt(i);
  }

  range(range: SourceRange): void {
    this.#flush();
    this.#segments.push(range);
    this.length += range.length;
  }

  finish(): readonly Segment[] {
    this.#flush();
    return this.#segments;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#segments.push(this.#buffer.subarray(0, this.#used));
    this.#buffer = Buffer.allocUnsafe(2 ** 16);
    this.#used = 0;
  }
}
