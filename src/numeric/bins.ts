import type { PatternCounts, PatternTable } from './patterns.ts';

/** Equally wide bins from `min` to `max`; the last one holds `max` too. Where both are equal, the one in the middle holds all. */
export interface BinRange {
  readonly min: number;
  readonly max: number;
  readonly bins: number;
}

/** Counts of numbers by bins. Numbers outside of the range, and NaN, are not counted. */
export class BinCounter {
  readonly counts: Float64Array;
  readonly #min: number;
  readonly #max: number;
  /** Halves keep the width of a range over all doubles finite. */
  readonly #width: number;

  constructor({ min, max, bins }: BinRange) {
    this.counts = new Float64Array(bins);
    this.#min = min;
    this.#max = max;
    this.#width = max / 2 - min / 2;
  }

  add(value: number, times = 1): void {
    if (!(value >= this.#min && value <= this.#max)) return;
    const { counts } = this;
    const share = this.#width === 0 ? 0.5 : (value / 2 - this.#min / 2) / this.#width;
    const bin = Math.min(counts.length - 1, Math.floor(share * counts.length));
    counts[bin] = (counts[bin] as number) + times;
  }

  addAll(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) this.add(values[i] as number);
  }

  addPatterns({ values }: PatternTable, { patterns, times }: PatternCounts): void {
    for (let i = 0; i < patterns.length; i++) this.add(values[patterns[i] as number] as number, times[i]);
  }
}
