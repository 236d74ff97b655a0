import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { readTensor } from '../checkpoint/read-tensor.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { patternTable } from '../numeric/patterns.ts';
import { computeStatistics, type TensorStatistics } from '../numeric/statistics.ts';
import type { Summary } from '../numeric/summary.ts';
import type { PyNode } from '../pickle/values.ts';
import { findDuplicates } from './duplicate-tensors.ts';

/** What reading every number showed. */
export interface ValueFacts {
  readonly statistics: readonly TensorStatistics[];
  /** Of real tensors with numbers; a tensor that stands at several paths is one. */
  readonly summaries: ReadonlyMap<PyNode, Summary>;
  /** Tensors that hold the same bytes in storages of their own. */
  readonly duplicates: readonly (readonly Tensor[])[];
  /** Floating-point tensors under names of integer buffers, and how many of their values are not whole. */
  readonly integerBuffers: readonly { readonly tensor: Tensor; readonly fractions: number }[];
}

/** Buffers that the modules of transformers, timm and torch itself keep as integers. */
const INTEGER_BUFFER =
  /(^|\.)(position_ids|token_type_ids|input_ids|num_batches_tracked|n_averaged|relative_position_index|relative_coords_index|indices_to_skip)$/;
/** A buffer of indices has few; what is larger is something else under the name. */
const MOST_BUFFER_BYTES = 16 * 2 ** 20;

/** @throws UnreadableError where bytes can't be had. */
export async function examineValues(
  { tensors }: Checkpoint,
  onProgress?: (done: number, total: number) => void,
): Promise<ValueFacts> {
  const statistics = await computeStatistics(tensors, { onProgress });
  const summaries = new Map<PyNode, Summary>();
  for (const { tensor, part, summary } of statistics)
    if (summary && !part) summaries.set(tensor.node, summary);
  return {
    statistics,
    summaries,
    duplicates: await findDuplicates(statistics),
    integerBuffers: await integerBuffers(tensors),
  };
}

async function integerBuffers(tensors: readonly Tensor[]): Promise<ValueFacts['integerBuffers']> {
  const found: ValueFacts['integerBuffers'][number][] = [];
  for (const tensor of tensors) {
    const { dtype, name, bytes, storage, elements } = tensor;
    if (dtype.family !== 'float' || !storage?.content || elements === 0) continue;
    if (INTEGER_BUFFER.test(name) && bytes <= MOST_BUFFER_BYTES)
      found.push({ tensor, fractions: await fractionsOf(tensor) });
  }
  return found;
}

async function fractionsOf(tensor: Tensor): Promise<number> {
  const values = patternTable(tensor.dtype.name)?.values;
  let fractions = 0;
  for (const element of await readTensor(tensor)) {
    const value = values ? (values[Number(element)] as number) : Number(element);
    if (!Number.isInteger(value)) fractions++;
  }
  return fractions;
}
