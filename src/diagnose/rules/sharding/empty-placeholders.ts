import type { StateDict } from '../../../checkpoint/state-dicts.ts';
import type { Tensor } from '../../../checkpoint/tensor.ts';
import { defineRule } from '../../define-rule.ts';
import { isWeightKey } from '../../model-dicts.ts';
import { counted, listed, namesUnder, placeName, printable } from '../../wording.ts';

/**
 * A model may have a few empty parameters by right; ZeRO-3 leaves nothing else. Older DeepSpeed left one element each, which a toy
 * may have as well: such weights must be of several `names`, numbers in them left out.
 */
const SHAPES = [
  { size: 0, least: 2, share: 0.5, names: 1 },
  { size: 1, least: 8, share: 0.9, names: 4 },
] as const;

export default defineRule({
  id: 'sharding/empty-placeholders',
  severity: 'error',
  needs: 'pickle',
  title: 'Weights are empty placeholders of parameters that ZeRO-3 partitioned',
  check(_checkpoint, { stateDicts }) {
    return SHAPES.flatMap(({ size, least, share, names }) => {
      const found = stateDicts
        .filter(({ inOptimizer }) => !inOptimizer)
        .map((stateDict) => ({ stateDict, ...placeholdersIn(stateDict, size) }))
        .filter(
          ({ keys, weights }) =>
            keys.length >= least && keys.length >= share * weights && distinctNames(keys) >= names,
        );
      const first = found[0];
      if (!first) return [];
      const subjects = found.flatMap(({ stateDict, keys }) => keys.map(namesUnder(stateDict.path)));
      return [
        {
          message: `${counted(subjects.length, 'weight')} in ${listed(found.map(({ stateDict }) => placeName(stateDict.path)))} ${subjects.length === 1 ? 'has' : 'have'} the shape [${size}], as DeepSpeed ZeRO-3 leaves them: load_state_dict fails with "size mismatch for ${printable(first.keys[0] as string)}: copying a param with shape torch.Size([${size}]) from checkpoint". The weights are not in this file and can't be healed: run zero_to_fp32.py over the *_optim_states.pt beside it, or save with stage3_gather_16bit_weights_on_model_save.`,
          subjects,
        },
      ];
    });
  },
});

function placeholdersIn(
  { tensorKeys, tensors }: StateDict,
  size: number,
): { keys: string[]; weights: number } {
  const keys: string[] = [];
  for (let i = 0; i < tensors.length; i++) {
    const { elements, shape } = tensors[i] as Tensor;
    const key = tensorKeys[i] as string;
    if (elements === size && shape.length === 1 && isWeightKey(key)) keys.push(key);
  }
  return { keys, weights: keys.length > 0 ? tensorKeys.filter(isWeightKey).length : 0 };
}

function distinctNames(keys: readonly string[]): number {
  return new Set(keys.map((key) => key.replace(/\d+/g, '#'))).size;
}
