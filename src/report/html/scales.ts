/** Where values stand between 0 and 1, and which of them are worth a label. */
export interface Scale {
  /** Values beyond the ends are moved to these. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** From `min` to `max`, which differ, in equal steps. */
export function linearScale(min: number, max: number, most: number): Scale {
  // halves keep the width of a range over all doubles finite
  const half = max / 2 - min / 2;
  const step = niceStep(half / (most / 2));
  const ticks: number[] = [];
  for (let index = Math.ceil(min / step); index * step <= max && ticks.length <= 2 * most; index++)
    ticks.push(index * step + 0);
  return { at: (value) => clamped((value / 2 - min / 2) / half), ticks };
}

/** Over positive values, a power of ten as long as another. */
export function logScale(min: number, max: number, most: number): Scale {
  const [low, high] = [Math.log10(min), Math.log10(max)];
  const width = high - low;
  return { at: (value) => clamped((Math.log10(value) - low) / width), ticks: powers(low, high, most) };
}

/** Over values of both signs: like a scale of logarithms away from zero, and even where values are small beside `unit`. */
export function signedLogScale(min: number, max: number, unit: number, most: number): Scale {
  const place = (value: number) => Math.asinh(value / unit);
  const [low, high] = [place(min), place(max)];
  const reach = Math.max(Math.abs(min), Math.abs(max));
  const sizes = powers(Math.log10(unit), Math.log10(reach), most / 2);
  const ticks = [...sizes.map((size) => -size).reverse(), 0, ...sizes].filter(
    (tick) => tick >= min && tick <= max,
  );
  return { at: (value) => clamped((place(value) - low) / (high - low)), ticks };
}

/** The powers of ten between two, but no more than asked; where there are not two, twos and fives as well. */
function powers(low: number, high: number, most: number): number[] {
  const [first, last] = [Math.ceil(low - 1e-9), Math.floor(high + 1e-9)];
  if (last - first < 1) {
    const between: number[] = [];
    for (let power = first - 1; power <= last + 1; power++)
      for (const digit of [1, 2, 5]) {
        const tick = Number(`${digit}e${power}`);
        if (Math.log10(tick) >= low && Math.log10(tick) <= high) between.push(tick);
      }
    return between;
  }
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const ticks: number[] = [];
  for (let power = last; power >= first; power -= step) ticks.unshift(Number(`1e${power}`));
  return ticks;
}

/** The smallest of 1, 2 and 5 times a power of ten that is not below `least`. */
function niceStep(least: number): number {
  const power = Math.floor(Math.log10(least));
  const digits = [1, 2, 5, 10].find((digit) => digit * 10 ** power >= least * (1 - 1e-9)) ?? 10;
  return Number(`${digits}e${power}`);
}

/** What the height of a bar grows with: the count, its logarithm, or its root. */
export type Heights = 'linear' | 'log' | 'root';

/** The same counts as shares of the highest bar. */
export function heightsOf(counts: readonly number[], heights: Heights): number[] {
  const height = { linear: (count: number) => count, log: Math.log1p, root: Math.sqrt }[heights];
  const most = height(counts.reduce((all, count) => Math.max(all, count), 0));
  return counts.map((count) => (most > 0 ? height(count) / most : 0));
}

function clamped(share: number): number {
  return Math.min(1, Math.max(0, share));
}
