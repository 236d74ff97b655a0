import type { PageData } from '../page-data.ts';

export type Column =
  | 'order'
  | 'name'
  | 'dtype'
  | 'shape'
  | 'elements'
  | 'bytes'
  | 'location'
  | 'part'
  | 'mean'
  | 'std'
  | 'min'
  | 'max'
  | 'bad'
  | 'zeros';

/** The words of a search, shapes among them as `64x3`; a tensor is meant where all of them stand somewhere in its row. */
export function wordsOf(search: string): string[] {
  return search
    .toLowerCase()
    .replace(/\s*×\s*/g, 'x')
    .split(/\s+/)
    .filter((word) => word !== '');
}

/** One text for each tensor, in which a search looks. */
export function searchTexts({ tensors, dtypes, locations, parts }: PageData): string[] {
  return tensors.name.map((name, index) =>
    [
      name,
      dtypes[tensors.dtype[index] ?? -1]?.name ?? '',
      (tensors.shape[index] ?? []).join('x'),
      locations[tensors.location[index] ?? -1]?.name ?? '',
      parts[tensors.part[index] ?? -1]?.name ?? '',
      tensors.note[index] ?? '',
    ]
      .join(' ')
      .toLowerCase(),
  );
}

/** The rows that a search leaves, in the order of the file. */
export function matching(texts: readonly string[], search: string): number[] {
  const words = wordsOf(search);
  const rows: number[] = [];
  for (const [index, text] of texts.entries())
    if (words.every((word) => text.includes(word))) rows.push(index);
  return rows;
}

/** Rows in the order of a column; rows that are alike in it stay in the order of the file, and those without a number stand at the end. */
export function sorted(
  rows: readonly number[],
  column: Column,
  descending: boolean,
  data: PageData,
): number[] {
  const { tensors, dtypes, locations, parts, numbers } = data;
  const sign = descending ? -1 : 1;
  const text = (names: readonly string[]) => (a: number, b: number) =>
    sign * compareNames(names[a] ?? '', names[b] ?? '');
  const number = (values: readonly (number | null)[] | undefined) => (a: number, b: number) => {
    const [first = null, second = null] = [values?.[a], values?.[b]];
    if (first === null || second === null) return Number(first === null) - Number(second === null);
    return sign * (first - second);
  };
  const named = (values: readonly number[], sums: readonly { readonly name: string }[]) =>
    text(values.map((value) => sums[value]?.name ?? ''));
  const compare: Record<Column, () => (a: number, b: number) => number> = {
    order: () => (a, b) => sign * (a - b),
    name: () => text(tensors.name),
    dtype: () => named(tensors.dtype, dtypes),
    shape: () => (a, b) => sign * compareShapes(tensors.shape[a] ?? [], tensors.shape[b] ?? []),
    elements: () => number(tensors.elements),
    bytes: () => number(tensors.bytes),
    location: () => named(tensors.location, locations),
    part: () => named(tensors.part, parts),
    mean: () => number(numbers?.mean),
    std: () => number(numbers?.std),
    min: () => number(numbers?.min),
    max: () => number(numbers?.max),
    bad: () => number(numbers?.nan.map((nan, index) => nan + (numbers.infinite[index] ?? 0))),
    zeros: () => number(numbers?.zeros.map((zeros, index) => zeroShare(zeros, numbers.count[index] ?? 0))),
  };
  const order = compare[column]();
  return rows.toSorted((a, b) => order(a, b) || a - b);
}

function zeroShare(zeros: number, count: number): number | null {
  return count > 0 ? zeros / count : null;
}

const COLLATOR = new Intl.Collator('en', { numeric: true });

/** Layer 10 stands behind layer 9. */
function compareNames(a: string, b: string): number {
  return COLLATOR.compare(a, b);
}

function compareShapes(a: readonly number[], b: readonly number[]): number {
  for (let dim = 0; dim < Math.min(a.length, b.length); dim++) {
    const difference = (a[dim] ?? 0) - (b[dim] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join(' × ');
}
