const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** `46.8 MB`; units are powers of 1000, as the budgets of a policy are written. */
export function bytesAmount(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? amount : Number(amount.toPrecision(3))} ${UNITS[unit]}`;
}

/** `11,689,512`, the same on every machine. */
export function digitsAmount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
