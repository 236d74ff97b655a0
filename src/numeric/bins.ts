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

/** So many of the numbers other than zero in one or two bins are a crowd. */
const CROWD = 0.98;

/**
 * Where nearly all numbers stand in one bin, or in two side by side, those bins: a few that lie far out make a histogram that shows
 * nothing else. Undefined where the numbers spread, where they stand so close that there is nothing between them, or where more than a few
 * zeros stand elsewhere.
 *
 * @param counts Of equal bins from `min` to `max`.
 * @param zeros How many of the counted numbers are zero: many of these say nothing of where the others are.
 */
export function crowdedRange(
  { min, max }: Pick<BinRange, 'min' | 'max'>,
  counts: ArrayLike<number>,
  zeros: number,
): Pick<BinRange, 'min' | 'max'> | undefined {
  const bins = counts.length;
  const width = max / bins - min / bins;
  if (!(width > 0)) return undefined;
  const others = Array.from(counts);
  const zero = min <= 0 && max >= 0 ? Math.min(bins - 1, Math.floor(-min / width)) : -1;
  if (zero >= 0) others[zero] = Math.max(0, (others[zero] as number) - zeros);
  const all = others.reduce((sum, count) => sum + count, 0);
  const fullest = others.indexOf(Math.max(...others));
  const [before = 0, own = 0, after = 0] = [-1, 0, 1].map((step) => others[fullest + step]);
  const isAlone = own >= CROWD * all;
  if (all === 0 || own + (isAlone ? 0 : Math.max(before, after)) < CROWD * all) return undefined;
  const first = isAlone || after >= before ? fullest : fullest - 1;
  const last = isAlone || before > after ? fullest : fullest + 1;
  const leavesZeros = zero >= 0 && (zero < first || zero > last);
  if (leavesZeros && zeros > (1 - CROWD) * (all + zeros)) return undefined;
  const range = { min: min + first * width, max: last === bins - 1 ? max : min + (last + 1) * width };
  const resolution = Number.EPSILON * Math.max(Math.abs(range.min), Math.abs(range.max));
  return range.max - range.min > bins * resolution ? range : undefined;
}
