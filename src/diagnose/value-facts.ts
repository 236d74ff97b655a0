import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { computeStatistics, type StatisticsOptions, type TensorStatistics } from '../numeric/statistics.ts';
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
}

/** What `computeStatistics` is asked for beside the numbers that the rules judge, which are never sampled. */
export type ValueOptions = Pick<StatisticsOptions, 'bins' | 'narrow' | 'onProgress'>;

/** @throws UnreadableError where bytes can't be had. */
export async function examineValues(
  { tensors }: Checkpoint,
  options: ValueOptions = {},
): Promise<ValueFacts> {
  const statistics = await computeStatistics(tensors, options);
  const summaries = new Map<PyNode, Summary>();
  for (const { tensor, part, summary } of statistics)
    if (summary && !part) summaries.set(tensor.node, summary);
  return {
    statistics,
    summaries,
    duplicates: await findDuplicates(statistics),
  };
}
