import { dtypeByName } from '../../../torch/dtypes.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import type { WeightGroup } from '../../weight-groups.ts';
import { counted, listed, placeName } from '../../wording.ts';

/** Optimizers of mixed precision keep the weights in float32 under these names: apex, Megatron, DeepSpeed, torch's own `master_param`. */
const MASTER =
  /(^|\.)(fp32_from_fp16(_params)?|fp32_from_float16_groups|fp32_groups_flat|single_partition_of_fp32_groups|fp32_flat_groups|master_(param|weights?|params))(\.|$)/;
/** Of the keys of a model that its copy has; a head or a counter may differ. */
const ALIKE = 0.9;

export default defineRule({
  id: 'dtype/float32-copy',
  severity: 'info',
  needs: 'pickle',
  title: 'A float32 copy of 16-bit weights stands beside them',
  check(checkpoint, { weightGroups }) {
    const halves = weightGroups.filter((group) => isSixteenBit(group));
    if (!halves.length) return undefined;
    const results: RuleResult[] = [];
    const wide = weightGroups.filter(
      (group) =>
        group.dtypes.has('float32') &&
        group.mainDtype === 'float32' &&
        halves.some((half) => isCopy(half, group)),
    );
    const [half] = halves as [WeightGroup];
    if (wide.length) {
      const subjects = wide.map(({ path }) => placeName(path));
      results.push({
        message: `The weights in ${placeName(half.path)} are ${half.mainDtype}, and stand in float32 under the same keys in ${listed(subjects)}: most likely an EMA or master copy. To train on or to convert, take the float32 one; to run the model, either does; fix --extract leaves one of them. Where the two are mixed up, it is "expected scalar type Half but found Float".`,
        subjects,
      });
    }
    const masters = checkpoint.tensors.filter(
      ({ name, dtype }) => dtype.name === 'float32' && MASTER.test(name),
    );
    if (masters.length)
      results.push({
        message: `The optimizer keeps ${counted(masters.length, 'float32 master tensor')} of the ${half.mainDtype} weights in ${placeName(half.path)}: training resumed without ${masters.length === 1 ? 'it' : 'them'} starts from the rounded weights. There is nothing to fix.`,
        subjects: masters.map(({ name }) => name),
      });
    return results;
  },
});

function isSixteenBit({ dtypes, mainDtype }: WeightGroup): boolean {
  if (!dtypes.has('float16') && !dtypes.has('bfloat16')) return false;
  return dtypeByName(mainDtype)?.itemSize === 2;
}

function isCopy(half: WeightGroup, wide: WeightGroup): boolean {
  const keys = new Set(keysOf(half));
  const others = keysOf(wide);
  const common = others.filter((key) => keys.has(key)).length;
  return common >= ALIKE * Math.max(keys.size, others.length);
}

/** Without what wrappers put before them, since a copy is rarely wrapped like the model. */
function keysOf({ path, weights }: WeightGroup): string[] {
  const skip = path.length ? path.join('.').length + 1 : 0;
  return weights.map(({ name }) => name.slice(skip).replace(/^(module\.|_orig_mod\.)+/, ''));
}
