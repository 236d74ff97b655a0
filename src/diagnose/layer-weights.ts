import type { Summary } from '../numeric/summary.ts';
import type { Examination } from './examination.ts';

/** Matrices and kernels of layers, with what their numbers are like; a vector is a bias or scale, which begins as zeros or ones. */
export function layerWeights({ weightGroups, payload }: Examination): { name: string; summary: Summary }[] {
  const { values } = payload ?? {};
  if (!values) return [];
  return weightGroups.flatMap(({ weights }) =>
    weights.flatMap(({ name, role, tensor }) => {
      const summary = values.summaries.get(tensor.node);
      const isLayer = role === 'weight' && tensor.shape.length > 1 && tensor.elements > 1;
      return isLayer && summary && summary.count > 0 ? [{ name, summary }] : [];
    }),
  );
}
