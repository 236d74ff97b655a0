import type { StatsDocument, StatsEntry } from './stats-document.ts';

type Cell = (entry: StatsEntry) => string | number | boolean | null | undefined;

const COLUMNS: readonly (readonly [name: string, cell: Cell])[] = [
  ['name', ({ name }) => name],
  ['part', ({ part }) => part],
  ['dtype', ({ dtype }) => dtype],
  ['shape', ({ shape }) => shape.join('x')],
  ['elements', ({ elements }) => elements],
  ['count', ({ count }) => count],
  ['sampled', ({ sampled }) => sampled],
  ['nan', ({ nan }) => nan],
  ['positive_infinity', ({ positiveInfinity }) => positiveInfinity],
  ['negative_infinity', ({ negativeInfinity }) => negativeInfinity],
  ['zeros', ({ zeros }) => zeros],
  ['subnormals', ({ subnormals }) => subnormals],
  ['min', ({ min }) => min],
  ['max', ({ max }) => max],
  ['mean', ({ mean }) => mean],
  ['std', ({ std }) => std],
  ['l2_norm', ({ l2Norm }) => l2Norm],
  ['float16_overflow', ({ casts }) => casts?.float16.overflow],
  ['float16_underflow', ({ casts }) => casts?.float16.underflow],
  ['float16_exact', ({ casts }) => casts?.float16.exact],
  ['bfloat16_overflow', ({ casts }) => casts?.bfloat16.overflow],
  ['bfloat16_underflow', ({ casts }) => casts?.bfloat16.underflow],
  ['bfloat16_exact', ({ casts }) => casts?.bfloat16.exact],
  ['scale', ({ quantizer }) => quantizer?.scale],
  ['zero_point', ({ quantizer }) => quantizer?.zeroPoint],
  ['histogram_min', ({ histogram }) => histogram?.min],
  ['histogram_max', ({ histogram }) => histogram?.max],
  ['histogram', ({ histogram }) => histogram?.counts.join(' ')],
  ['skipped', ({ skipped }) => skipped],
];

/** Comma-separated values as RFC 4180 has them, line by line with their ends; what there is not is empty. */
export function* statsCsv({ tensors }: StatsDocument): Generator<string> {
  const withHistogram = tensors.some(({ histogram }) => histogram);
  const columns = COLUMNS.filter(([name]) => withHistogram || !name.startsWith('histogram'));
  yield line(columns.map(([name]) => name));
  for (const entry of tensors) yield line(columns.map(([, cell]) => cell(entry)));
}

function line(cells: readonly ReturnType<Cell>[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

/** A text that a spreadsheet would take for a formula gets an apostrophe before it: names come from the file. */
function quoted(cell: ReturnType<Cell>): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  const safe = /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
