import type { PageData } from '../page-data.ts';
import { bytesText, countText, grouped, numberText, shareText } from '../terminal/numbers.ts';
import { el, svg } from './dom.ts';
import { histogramOf } from './numbers.ts';
import { heightsOf } from './scales.ts';
import { type Column, shapeText } from './table-rows.ts';

/** What the columns tell of: where tensors stand, or what their numbers are like. */
export type ColumnSet = 'storage' | 'numbers';

/** A column as it is drawn; one that is no `Column` can't be sorted by. */
export interface ShownColumn {
  readonly column: Column | 'spread';
  readonly label: string;
  /** Numbers stand at the right, and a first click on the head puts the largest first. */
  readonly isNumber: boolean;
  readonly cell: (tensor: number) => string | Node;
  /** Something is wrong with what stands there. */
  readonly isGrave?: (tensor: number) => boolean;
}

const SPARK = { width: 96, height: 20 };

export function columnsOf(data: PageData, set: ColumnSet): ShownColumn[] {
  const { tensors, dtypes, locations, parts } = data;
  const text = (column: Column, label: string, cell: (tensor: number) => string): ShownColumn => ({
    column,
    label,
    isNumber: false,
    cell,
  });
  const first = [
    text('name', 'Tensor', (tensor) => tensors.name[tensor] ?? ''),
    text('dtype', 'Dtype', (tensor) => dtypes[tensors.dtype[tensor] ?? -1]?.name ?? ''),
    text('shape', 'Shape', (tensor) => shapeText(tensors.shape[tensor] ?? [])),
  ];
  if (set === 'numbers') return [...first, ...numberColumns(data)];
  return [
    ...first,
    number('elements', 'Elements', (tensor) => countText(tensors.elements[tensor] ?? 0)),
    number('bytes', 'Size', (tensor) => bytesText(tensors.bytes[tensor] ?? 0)),
    text('location', 'Device', (tensor) => locations[tensors.location[tensor] ?? -1]?.name ?? ''),
    text('part', 'Part', (tensor) => parts[tensors.part[tensor] ?? -1]?.name ?? ''),
  ];
}

function number(column: Column, label: string, cell: (tensor: number) => string): ShownColumn {
  return { column, label, isNumber: true, cell };
}

function numberColumns({ numbers }: PageData): ShownColumn[] {
  if (!numbers) return [];
  const { count, mean, std, min, max, zeros, nan, infinite } = numbers;
  const figure = (column: Column, values: readonly (number | null)[]) =>
    number(column, column, (tensor) => numberText(values[tensor] ?? null));
  const isBad = (tensor: number) => (nan[tensor] ?? 0) + (infinite[tensor] ?? 0) > 0;
  const allZero = (tensor: number) => zeros[tensor] === count[tensor] && (count[tensor] ?? 0) > 1;
  return [
    {
      column: 'spread',
      label: 'Spread',
      isNumber: false,
      cell: (tensor) => spark(histogramOf(numbers, tensor)),
    },
    figure('mean', mean),
    figure('std', std),
    figure('min', min),
    figure('max', max),
    { ...number('bad', 'NaN, Inf', (tensor) => badText(nan[tensor], infinite[tensor])), isGrave: isBad },
    {
      ...number('zeros', 'zeros', (tensor) => shareText(zeros[tensor] ?? 0, count[tensor] ?? 0)),
      isGrave: allZero,
    },
  ];
}

function badText(nan = 0, infinite = 0): string {
  if (nan + infinite === 0) return '0';
  return [nan > 0 ? `${grouped(nan)} NaN` : '', infinite > 0 ? `${grouped(infinite)} Inf` : '']
    .filter((each) => each !== '')
    .join(', ');
}

/** A histogram as small as a word, by the roots of the counts, so that the tails show. */
function spark(histogram: ReturnType<typeof histogramOf>): Node {
  const { width, height } = SPARK;
  if (!histogram) return el('span');
  const step = width / histogram.counts.length;
  const steps = heightsOf(histogram.counts, 'root').map(
    (share, bin) => `L${bin * step} ${(height - share * height).toFixed(1)}h${step}`,
  );
  return svg(
    'svg',
    { class: 'spark', width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' },
    svg('path', { d: `M0 ${height}${steps.join('')}V${height}z` }),
  );
}
