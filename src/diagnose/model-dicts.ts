import type { Path } from '../checkpoint/path.ts';
import type { StateDict } from '../checkpoint/state-dicts.ts';
import { WEIGHT_NAME, type WeightGroup } from './weight-groups.ts';

/** The state_dicts of models: not those of optimizers, not the attributes of pickled modules, not dicts of features. */
export function findModelDicts(
  stateDicts: readonly StateDict[],
  weightGroups: readonly WeightGroup[],
): StateDict[] {
  const models = new Set(
    weightGroups.filter(({ hasWeights }) => hasWeights).map(({ path }) => JSON.stringify(path)),
  );
  return stateDicts.filter(({ path, inOptimizer }) => !inOptimizer && models.has(JSON.stringify(path)));
}

/** Last part of a dotted key. */
export function leafOf(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}

export function isWeightKey(key: string): boolean {
  return WEIGHT_NAME.test(leafOf(key));
}

/** `["model"]["net"]`, as Python reaches what stands at a path. */
export function subscript(path: Path): string {
  return path.map((segment) => `[${JSON.stringify(segment)}]`).join('');
}
