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

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes of `500 MB`, `1.5GiB` or `1024`; NaN for any other text. */
export function parseBytes(text: string): number {
  const [, amount, unit = ''] = text.match(/^(\d+(?:\.\d+)?) ?([a-zA-Z]*)$/) ?? [];
  const factor = Object.hasOwn(FACTORS, unit) ? FACTORS[unit] : undefined;
  return amount === undefined || factor === undefined ? Number.NaN : Math.round(Number(amount) * factor);
}
