import type { Integer } from '../inspect-document.ts';

/** Three digits that count, and the unit: decimal units, as disks and downloads are sold. */
function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  let number = value;
  // 999.5 would round to 1000 of the smaller unit
  while (number >= 999.5 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || number >= 1000 ? number.toFixed(0) : number.toPrecision(3);
  return units[unit] === '' ? digits : `${digits} ${units[unit]}`;
}

/** `46.8 MB`. Units are powers of 1000. */
export function bytesText(bytes: Integer): string {
  return scaled(Number(bytes), ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']);
}

/** `11.7 M`. */
export function countText(count: Integer): string {
  return scaled(Number(count), ['', 'k', 'M', 'B', 'T']);
}

/** `1 tensor`, `62 tensors`, `100,000 tensors`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** Digits in groups of three. Not by locale: the text is the same on every machine. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Three digits that count, in at most nine columns. */
export function numberText(value: Integer | null): string {
  if (value === null) return '-';
  const number = Number(value);
  if (Number.isInteger(number) && Math.abs(number) < 1e7) return String(number);
  const size = Math.abs(number);
  if (size >= 1e-3 && size < 1e5) return number.toPrecision(size >= 1000 ? 4 : 3).replace(/e\+?(-?)/, 'e$1');
  return number.toExponential(2).replace('e+', 'e');
}

/** `12.5 %` of `whole`; never 100 % for a part, nor 0 for some. */
export function shareText(part: number, whole: number): string {
  if (whole === 0 || part === 0) return whole === 0 ? '-' : '0';
  const share = (100 * part) / whole;
  if (share === 100) return '100 %';
  return share < 0.1 ? '<0.1 %' : `${share.toFixed(share > 99.9 ? 0 : 1).replace('100', '>99')} %`;
}
