import { decimalIn } from '../zip/decimal.ts';

/**
 * Values by the keys of storages. torch numbers its storages from 0, and a hundred thousand of them are found by their number sooner
 * than by their name; any other key has its place in a map.
 */
export class KeyTable<T> {
  readonly #numbered: (T | undefined)[];
  readonly #named = new Map<string, T>();
  #filled = 0;

  /** @param expected About how many keys there will be. */
  constructor(expected: number) {
    this.#numbered = new Array(2 * expected).fill(undefined);
  }

  get size(): number {
    return this.#filled + this.#named.size;
  }

  get(key: string): T | undefined {
    const number = decimalIn(key);
    return number >= 0 && number < this.#numbered.length ? this.#numbered[number] : this.#named.get(key);
  }

  set(key: string, value: T): void {
    const number = decimalIn(key);
    if (number < 0 || number >= this.#numbered.length) this.#named.set(key, value);
    else {
      if (this.#numbered[number] === undefined) this.#filled++;
      this.#numbered[number] = value;
    }
  }
}
