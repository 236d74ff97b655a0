import type { Path } from '../../../checkpoint/path.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { mayEndIn } from '../../key-names.ts';
import { counted, listed, namesOf, placeName } from '../../wording.ts';

/** A pair of names that came in the place of another, in one module: both must be there, so that a lone `gamma` is no match. */
interface Renaming {
  readonly pair: readonly [string, string];
  readonly today: string;
  readonly story: string;
  /** What the module must be called, where other modules have parameters of these names by right. */
  readonly module?: RegExp;
}

const RENAMINGS: readonly Renaming[] = [
  {
    pair: ['weight_g', 'weight_v'],
    today: 'parametrizations.weight.original0 and original1',
    story: 'torch.nn.utils.weight_norm, which its successor in torch.nn.utils.parametrizations reads as well',
  },
  {
    pair: ['parametrizations.weight.original0', 'parametrizations.weight.original1'],
    today: 'weight_g and weight_v',
    story:
      'torch.nn.utils.parametrizations.weight_norm, which torch.nn.utils.weight_norm before it does not read',
  },
  {
    pair: ['gamma', 'beta'],
    today: 'weight and bias',
    story: 'TensorFlow and the first BERT releases',
    module: /norm|^ln/i,
  },
];

const NAMES = RENAMINGS.flatMap(({ pair }) => pair);
const mayBeOld = mayEndIn(NAMES);

/** Keys of one state_dict that end in one of the names. */
interface OldNames {
  readonly path: Path;
  readonly keys: readonly string[];
}

export default defineRule({
  id: 'keys/legacy-names',
  severity: 'info',
  needs: 'pickle',
  title: 'Keys have names of another generation: weight_g, original0, gamma',
  check(_checkpoint, { stateDicts }) {
    const old = stateDicts
      .filter(({ inOptimizer }) => !inOptimizer)
      .map(({ path, tensorKeys }) => ({ path, keys: tensorKeys.filter(hasOldName) }))
      .filter(({ keys }) => keys.length);
    return RENAMINGS.map((renaming) => resultFor(renaming, old)).filter((result) => result !== undefined);
  },
});

function hasOldName(key: string): boolean {
  return mayBeOld(key) && NAMES.some((name) => key.endsWith(name));
}

function resultFor(renaming: Renaming, all: readonly OldNames[]): RuleResult | undefined {
  const { pair, today, story } = renaming;
  const found = all
    .map(({ path, keys }) => ({ path, keys: pairedKeys(keys, renaming) }))
    .filter(({ keys }) => keys.length);
  if (!found.length) return undefined;
  const subjects = namesOf(found);
  return {
    message: `${counted(subjects.length, 'key')} in ${listed(found.map(({ path }) => placeName(path)))} end in ${pair.join(' or ')}, where other versions of the model have ${today} ("Missing key(s) in state_dict", "Unexpected key(s) in state_dict"): names of ${story}. fix --rename gives them others, where your model has those.`,
    subjects,
  };
}

function pairedKeys(keys: readonly string[], { pair: [one, other], module }: Renaming): string[] {
  const candidates = keys.filter((key) => key.endsWith(one) || key.endsWith(other));
  if (!candidates.length) return [];
  const has = new Set(candidates);
  return candidates.filter((key) => {
    const name = key.endsWith(`.${one}`) ? one : key.endsWith(`.${other}`) ? other : undefined;
    if (name === undefined) return false;
    const place = key.slice(0, -name.length - 1);
    const last = place.slice(place.lastIndexOf('.') + 1);
    return has.has(`${place}.${name === one ? other : one}`) && (!module || module.test(last));
  });
}
