import { UnreadableError } from './errors.ts';

/** Of a longer string V8 takes the length for its hash, and nothing else. */
export const LONGEST_HASHED = 16_383;
/** Characters that may be compared before a file is too much: half a second in each map that the keys stand in. */
const MOST_COMPARED = 2 ** 32;

/**
 * Keys of a file that are longer than what is hashed. In a Map, all that are equally long are compared with each other, from their start
 * on: 65 kB of a zip can hold thousands that differ at their ends, and to tell them apart takes minutes.
 */
export class LongKeys {
  readonly #counts = new Map<number, number>();
  #compared = 0;

  /** @throws UnreadableError `limit` where there are too many. */
  add(length: number, offset?: number): void {
    if (length <= LONGEST_HASHED) return;
    const before = this.#counts.get(length) ?? 0;
    this.#counts.set(length, before + 1);
    this.#compared += before * length;
    if (this.#compared > MOST_COMPARED) {
      throw new UnreadableError(
        'limit',
        `could not decide: ${before + 1} keys of ${length} characters each take too long to tell apart`,
        offset,
        'limit/exhausted',
      );
    }
  }
}
