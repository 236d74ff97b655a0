// How histograms go into the page: thousands of them, in two characters a bin. Written in Node and read in the browser.

/** Equal bins from `min` to `max`. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly counts: readonly number[];
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const MOST = DIGITS.length ** 2 - 1;
/** Steps from a count to its double: small counts come back exactly, large ones within half a percent, up to 9e12. */
const STEPS = 95;

/** Two characters a count: none, or the step on a scale of logarithms. */
export function packCounts(counts: readonly number[]): string {
  return counts
    .map((counted) => {
      const count = Math.round(counted);
      const code = count > 0 ? Math.min(MOST, 1 + Math.round(STEPS * Math.log2(count))) : 0;
      return `${DIGITS[code >>> 6]}${DIGITS[code & 63]}`;
    })
    .join('');
}

export function unpackCounts(packed: string): number[] {
  const counts = new Array<number>(packed.length / 2);
  for (let bin = 0; bin < counts.length; bin++)
    counts[bin] = countOf(digitAt(packed, 2 * bin) * DIGITS.length + digitAt(packed, 2 * bin + 1));
  return counts;
}

/** By the code of the character: the page reads half a million of them. */
const VALUES = new Uint8Array(128);
for (let digit = 0; digit < DIGITS.length; digit++) VALUES[DIGITS.charCodeAt(digit)] = digit;

function digitAt(packed: string, index: number): number {
  return VALUES[packed.charCodeAt(index)] ?? 0;
}

function countOf(code: number): number {
  return code === 0 ? 0 : Math.round(2 ** ((code - 1) / STEPS));
}

/** Adds a histogram to counts over another range, as if its numbers were spread evenly within each bin; what lies beyond is left out. */
export function addSpread(
  into: Float64Array,
  range: { min: number; max: number },
  histogram: Histogram,
): void {
  const { min, max, counts } = histogram;
  const from = (min - range.min) / (range.max - range.min);
  const width = (max - min) / (range.max - range.min) / counts.length;
  const bins = into.length;
  const add = (bin: number, count: number) => {
    if (bin >= 0 && bin < bins) into[bin] = (into[bin] as number) + count;
  };
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index] as number;
    if (count === 0) continue;
    const start = (from + index * width) * bins;
    const end = start + width * bins;
    if (!(end - start > 1e-9)) {
      // what stands at the very end of the range is in its last bin
      add(start >= bins && start <= bins * (1 + 1e-9) ? bins - 1 : Math.floor(start), count);
      continue;
    }
    const last = Math.min(bins - 1, Math.ceil(end) - 1);
    for (let bin = Math.max(0, Math.floor(start)); bin <= last; bin++)
      add(bin, (count * (Math.min(end, bin + 1) - Math.max(start, bin))) / (end - start));
  }
}
