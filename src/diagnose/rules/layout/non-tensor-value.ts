import type { StateDict } from '../../../checkpoint/state-dicts.ts';
import type { Value } from '../../../pickle/values.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { isWeightKey, leafOf } from '../../model-dicts.ts';
import { pythonType } from '../../python-type.ts';
import { counted, listed, namesUnder, placeName, printable } from '../../wording.ts';

/** What modules put into their state_dict beside tensors on purpose: `get_extra_state`, quantized layers. */
const BY_DESIGN = /^(_extra_state|_packed_params|dtype|version|scale|zero_point|axis)$/;

interface Stray {
  readonly path: StateDict['path'];
  readonly key: string;
  readonly value: Value;
}

export default defineRule({
  id: 'layout/non-tensor-value',
  severity: 'warning',
  needs: 'pickle',
  title: 'A state_dict holds values that are no tensors',
  check(_checkpoint, examination) {
    const stray = examination.modelDicts
      .filter(({ tensorKeys }) => tensorKeys.some((key) => key.includes('.')))
      .flatMap(straysIn);
    const weights = stray.filter(({ key }) => key.includes('.') && isWeightKey(key));
    const others = stray.filter((each) => !weights.includes(each));
    return [weightsResult(weights), othersResult(others)].filter((result) => result !== undefined);
  },
});

function straysIn({ path, keys, values, tensorKeys }: StateDict): Stray[] {
  if (keys.length === tensorKeys.length) return [];
  const tensors = new Set(tensorKeys);
  return keys.flatMap((key, index) =>
    typeof key !== 'string' || tensors.has(key) || BY_DESIGN.test(leafOf(key))
      ? []
      : [{ path, key, value: values[index] as Value }],
  );
}

function weightsResult(stray: readonly Stray[]): RuleResult | undefined {
  const first = stray[0];
  if (!first) return undefined;
  return {
    message: `${counted(stray.length, 'weight is', 'weights are')} no tensor (${listed(namesOf(stray))}): load_state_dict fails with 'While copying the parameter named "${printable(first.key)}", expected torch.Tensor or Tensor-like object from checkpoint but received <class '${printable(pythonType(first.value))}'>'. fix does not convert them: make tensors of them before you save.`,
    subjects: namesOf(stray),
  };
}

function othersResult(stray: readonly Stray[]): RuleResult | undefined {
  const first = stray[0];
  if (!first) return undefined;
  const places = [...new Set(stray.map(({ path }) => placeName(path)))];
  return {
    severity: 'info',
    message: `${counted(stray.length, 'value')} beside the tensors in ${listed(places)} ${stray.length === 1 ? 'is no tensor' : 'are no tensors'} (${listed(namesOf(stray))}): load_state_dict answers 'Unexpected key(s) in state_dict: "${printable(first.key)}"'. Take what is no part of the model out of the dict, before you load it; fix leaves it in.`,
    subjects: namesOf(stray),
  };
}

function namesOf(stray: readonly Stray[]): string[] {
  return stray.map(({ path, key }) => namesUnder(path)(key));
}
