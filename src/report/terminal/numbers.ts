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
