import type { Tensor } from '../checkpoint/tensor.ts';
import { isContiguous } from '../checkpoint/view-coverage.ts';
import { type Segment, streamSegment } from '../io/segment.ts';
import { sliceSegment } from '../io/slice.ts';
import type { TensorStatistics } from '../numeric/statistics.ts';
import type { Summary } from '../numeric/summary.ts';

/** Small tensors are equal by chance, and cost nothing. */
const LEAST_BYTES = 1024;
/** Bytes that are read at a time. */
const CHUNK = 4 * 2 ** 20;

/**
 * Tensors of equal bytes that do not share their storage, in the order of the file. Only those whose numbers are alike in every
 * statistic are read again, to be sure. Where all numbers are the same, as in fresh biases, equality means nothing.
 */
export async function findDuplicates(statistics: readonly TensorStatistics[]): Promise<Tensor[][]> {
  const alike = groupBy(
    statistics.flatMap(({ tensor, part, summary }) =>
      summary && !part && isCandidate(tensor, summary) ? [{ tensor, summary }] : [],
    ),
    ({ tensor, summary }) => likeness(tensor, summary),
  );
  const groups: Tensor[][] = [];
  for (const candidates of alike) {
    const places = [...distinctPlaces(candidates.map(({ tensor }) => tensor))];
    if (places.length < 2) continue;
    const digests = new Map<Tensor, string>();
    for (const tensor of places) digests.set(tensor, await digestOf(tensor));
    groups.push(
      ...groupBy(places, (tensor) => digests.get(tensor) as string).filter(({ length }) => length > 1),
    );
  }
  return groups;
}

function isCandidate(tensor: Tensor, { min, max, nan }: Summary): boolean {
  const { bytes, conj, neg } = tensor;
  return bytes >= LEAST_BYTES && (min !== max || nan > 0) && isContiguous(tensor) && !conj && !neg;
}

function likeness({ dtype }: Tensor, summary: Summary): string {
  const { count, min, max, mean, deviation, zeros, nan } = summary;
  return [dtype.name, count, min, max, mean, deviation, zeros, nan].join(' ');
}

/** The first tensor at each place: those that are tied are stored once. */
function distinctPlaces(tensors: readonly Tensor[]): Iterable<Tensor> {
  const first = new Map<Segment, Tensor>();
  for (const tensor of tensors) {
    const content = tensor.storage?.content as Segment;
    if (!first.has(content)) first.set(content, tensor);
  }
  return first.values();
}

async function digestOf({ storage, storageOffset, dtype, bytes }: Tensor): Promise<string> {
  const { createHash } = await import('node:crypto');
  const content = sliceSegment(
    storage?.content as Segment,
    (storageOffset * dtype.itemSize) / (dtype.valuesPerByte ?? 1),
    bytes,
  );
  const hash = createHash('sha256');
  for await (const chunk of streamSegment(content, CHUNK)) hash.update(chunk);
  return hash.digest('base64');
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()];
}
