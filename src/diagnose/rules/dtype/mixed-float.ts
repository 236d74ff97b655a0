import { dtypeByName } from '../../../torch/dtypes.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { mismatchFailure } from '../../float-words.ts';
import type { Weight, WeightGroup } from '../../weight-groups.ts';
import { wideningFlags } from '../../widening.ts';
import { counted, listed, placeName } from '../../wording.ts';

export default defineRule({
  id: 'dtype/mixed-float',
  severity: 'warning',
  needs: 'pickle',
  title: 'Weights of one model have different floating-point dtypes',
  check(checkpoint, { weightGroups }) {
    const mixed = weightGroups.filter((group) => group.dtypes.size > 1 && oddOnes(group).length);
    const alarming = mixed.filter((group) => unintended(group).length);
    const deliberate = mixed.filter((group) => !unintended(group).length);
    // a model that is narrow on purpose must not grow unasked
    const wide = weightGroups.every(({ mainDtype }) => mainDtype === 'float32' || mainDtype === '');
    const flags = wide ? wideningFlags(checkpoint) : [];
    return [alarm(alarming, flags), note(deliberate)].filter((result) => result !== undefined);
  },
});

function alarm(groups: readonly WeightGroup[], flags: readonly string[]): RuleResult | undefined {
  const group = groups[0];
  if (!group) return undefined;
  const cure = flags.length
    ? `fix ${flags.join(' ')} makes all of them float32, which changes no number.`
    : 'Which dtype is right is for the author to say: fix --dtype float32, or --dtype float16, gives all of them one.';
  const odd = unintended(group);
  const dtype = (odd[0] as Weight).tensor.dtype.name;
  return {
    message: `${share(group, odd)} (${listed(odd.map(({ name }) => name))})${rest(group, odd)}${elsewhere(groups)}: used as saved, by a whole-model pickle or assign=True, they fail with "${mismatchFailure(group.mainDtype, dtype)}". A plain load_state_dict casts them silently. ${cure}`,
    subjects: groups.flatMap(unintended).map(({ name }) => name),
    fix: flags,
  };
}

function note(groups: readonly WeightGroup[]): RuleResult | undefined {
  const group = groups[0];
  if (!group) return undefined;
  return {
    severity: 'info',
    message: `${share(group, oddOnes(group))}${rest(group, oddOnes(group))}${elsewhere(groups)}: all of them are normalisation layers or buffers, which are usually kept so on purpose.`,
    subjects: groups.flatMap(oddOnes).map(({ name }) => name),
  };
}

function oddOnes({ weights, mainDtype }: WeightGroup): Weight[] {
  return weights.filter(({ tensor }) => tensor.dtype.name !== mainDtype);
}

/** Odd ones that nobody keeps so on purpose: weights of layers, and normalisation that is narrower than the layers around it. */
function unintended(group: WeightGroup): Weight[] {
  const width = dtypeByName(group.mainDtype)?.itemSize ?? 0;
  return oddOnes(group).filter(
    ({ role, tensor }) => role === 'weight' || (role === 'normalisation' && tensor.dtype.itemSize <= width),
  );
}

function share(group: WeightGroup, odd: readonly Weight[]): string {
  const dtypes = [...new Set(odd.map(({ tensor }) => tensor.dtype.name))];
  return `${odd.length} of ${counted(group.weights.length, 'floating-point tensor')} in ${placeName(group.path)} ${odd.length === 1 ? 'is' : 'are'} ${listed(dtypes)}`;
}

function rest(group: WeightGroup, odd: readonly Weight[]): string {
  return `, ${odd.length === oddOnes(group).length ? 'the rest' : 'most of the rest'} ${group.mainDtype}`;
}

function elsewhere(groups: readonly WeightGroup[]): string {
  const others = groups.slice(1).map(({ path }) => placeName(path));
  return others.length ? ` (and likewise in ${listed(others)})` : '';
}
