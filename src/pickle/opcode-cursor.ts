import { uint32 } from './integers.ts';
import type { Memo } from './memo.ts';
import { Op } from './opcodes.ts';
import type { TextWindow } from './text-window.ts';
import type { Value } from './values.ts';

/** Where a cursor stands that has met something else than it was asked for. Nothing stands there, so that it stays lost. */
const LOST = -1;
const MOST_DIMENSIONS = 8;
/** By the number of items. */
const TUPLES: readonly (number | undefined)[] = [undefined, Op.TUPLE1, Op.TUPLE2, Op.TUPLE3];
/** Tuples of numbers that are remembered, so that the layers of a model share them. A power of two. */
const REMEMBERED = 256;
const NO_NUMBERS: readonly number[] = [];

/** Texts up to this length, in bytes, are read. */
export const LONGEST_TEXT = 255;
/** Opcodes that can be passed from one `start` to the next `count`. */
export const MOST_PASSED = 128;

/**
 * Goes over opcodes that are expected to stand in a window, as a pickler of protocol 2 writes them. Where they don't it is lost, and
 * gives empty values from then on: who asks looks at the end, once.
 */
export class OpcodeCursor {
  /** Where in the window the next opcode stands. */
  at = 0;
  /** The memo slot that a pickler fills next. */
  slot = 0;
  readonly #memo: Memo;
  readonly #texts: TextWindow;
  #window: Buffer = Buffer.alloc(0);
  readonly #passed = new Uint8Array(MOST_PASSED);
  #steps = 0;
  readonly #numbers: number[] = new Array(MOST_DIMENSIONS).fill(0);
  readonly #tuples: (readonly number[])[] = new Array(REMEMBERED).fill(NO_NUMBERS);

  constructor(memo: Memo, texts: TextWindow) {
    this.#memo = memo;
    this.#texts = texts;
  }

  start(window: Buffer, at: number, slot: number): void {
    this.#window = window;
    this.at = at;
    this.slot = slot;
    this.#steps = 0;
  }

  get isLost(): boolean {
    return this.at === LOST;
  }

  /** Adds what was passed since the start. */
  count(opcodes: Uint32Array): void {
    for (let step = 0; step < this.#steps; step++) {
      const code = this.#passed[step] as number;
      opcodes[code] = (opcodes[code] as number) + 1;
    }
  }

  next(): number | undefined {
    return this.#window[this.at];
  }

  /** Goes past an opcode that has no argument. */
  take(code: number): void {
    if (this.#window[this.at] === code) this.#pass(code, 0);
    else this.at = LOST;
  }

  /** The same, for one that may be missing. */
  takeIf(code: number): boolean {
    if (this.#window[this.at] !== code) return false;
    this.#pass(code, 0);
    return true;
  }

  /** A number that is not negative and less than 2^31. */
  number(): number {
    const window = this.#window;
    const { at } = this;
    const code = window[at];
    const low = window[at + 1] as number;
    if (code === Op.BININT1) {
      this.#pass(code, 1);
      return low;
    }
    if (code === Op.BININT2) {
      this.#pass(code, 2);
      return low | ((window[at + 2] as number) << 8);
    }
    const high = window[at + 4] as number;
    if (code !== Op.BININT || high > 0x7f) {
      this.at = LOST;
      return 0;
    }
    this.#pass(code, 4);
    return low | ((window[at + 2] as number) << 8) | ((window[at + 3] as number) << 16) | (high << 24);
  }

  /** What the stream takes from its memo. */
  recalled(): Value | undefined {
    const { at } = this;
    const code = this.#window[at];
    if (code === Op.BINGET) {
      this.#pass(code, 1);
      return this.#memo.get(this.#window[at + 1] as number);
    }
    if (code === Op.LONG_BINGET) {
      this.#pass(code, 4);
      return this.#memo.get(uint32(this.#window, at + 1));
    }
    this.at = LOST;
    return undefined;
  }

  /** That the next slot of the memo is filled. */
  put(): void {
    const { at } = this;
    const slot = this.slot++;
    const code = this.#window[at];
    if (code === Op.BINPUT && this.#window[at + 1] === slot) this.#pass(code, 1);
    else if (code === Op.LONG_BINPUT && slot > 0xff && uint32(this.#window, at + 1) === slot)
      this.#pass(code, 4);
    else this.at = LOST;
  }

  /** A short text, and that it is put aside. */
  text(): string {
    const { at } = this;
    const length = uint32(this.#window, at + 1);
    if (this.#window[at] === Op.BINUNICODE && length <= LONGEST_TEXT) {
      const start = at + 5;
      const text = this.#texts.read(start, start + length);
      this.#pass(Op.BINUNICODE, 4 + length);
      this.put();
      if (text !== undefined) return text;
    }
    this.at = LOST;
    return '';
  }

  /** A tuple of numbers, and that it is put aside. Mostly the same array for the same numbers, never to be written to. */
  tuple(): readonly number[] {
    if (this.takeIf(Op.EMPTY_TUPLE)) return NO_NUMBERS;
    const isMarked = this.takeIf(Op.MARK);
    let count = 0;
    while (count < MOST_DIMENSIONS && isNumber(this.#window[this.at])) this.#numbers[count++] = this.number();
    const code = isMarked ? Op.TUPLE : TUPLES[count];
    if (count === 0 || code === undefined) this.at = LOST;
    else this.take(code);
    this.put();
    return this.isLost ? NO_NUMBERS : this.#remembered(count);
  }

  /** The first `count` of the numbers that were read last. */
  #remembered(count: number): readonly number[] {
    const numbers = this.#numbers;
    let hash = count;
    for (let i = 0; i < count; i++) hash = Math.imul(hash, 31) + (numbers[i] as number);
    const place = (hash ^ (hash >>> 9)) & (REMEMBERED - 1);
    const known = this.#tuples[place] as readonly number[];
    let same = 0;
    while (same < count && known[same] === numbers[same]) same++;
    if (same === count && known.length === count) return known;
    const kept = numbers.slice(0, count);
    this.#tuples[place] = kept;
    return kept;
  }

  #pass(code: number, argumentBytes: number): void {
    this.#passed[this.#steps++] = code;
    this.at += 1 + argumentBytes;
  }
}

function isNumber(code: number | undefined): boolean {
  return code === Op.BININT1 || code === Op.BININT2 || code === Op.BININT;
}
