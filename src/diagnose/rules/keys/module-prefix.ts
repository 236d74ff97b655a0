import type { StateDict } from '../../../checkpoint/state-dicts.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { counted, listed, namesUnder, placeName, printable } from '../../wording.ts';

const PREFIX = 'module.';
/** The buffer that `torch.optim.swa_utils.AveragedModel` has beside the model that it wraps. */
const BESIDE_WRAPPED = 'n_averaged';

export default defineRule({
  id: 'keys/module-prefix',
  severity: 'warning',
  needs: 'pickle',
  title: "Keys begin with 'module.', as DataParallel and DistributedDataParallel save them",
  check(_checkpoint, { stateDicts }) {
    const prefixed = stateDicts.filter(({ tensorKeys }) => tensorKeys.some(hasPrefix));
    const wrapped = prefixed.filter(({ tensorKeys }) => tensorKeys.every(isOfWrapper));
    const partial = prefixed.filter((stateDict) => !wrapped.includes(stateDict));
    return [wrappedResult(wrapped), partialResult(partial)].filter((result) => result !== undefined);
  },
});

function wrappedResult(wrapped: readonly StateDict[]): RuleResult | undefined {
  const key = wrapped[0]?.tensorKeys.find(hasPrefix);
  if (!key) return undefined;
  const subjects = subjectsOf(wrapped);
  const all = countKeys(wrapped);
  const share =
    subjects.length === all ? `All ${counted(all, 'key')}` : `${subjects.length} of ${counted(all, 'key')}`;
  return {
    message: `${share} in ${places(wrapped)} begin with "${PREFIX}": load_state_dict of the bare model fails with 'Missing key(s) in state_dict: "${printable(key.slice(PREFIX.length))}" … Unexpected key(s) in state_dict: "${printable(key)}"'. With strict=False it says nothing and loads nothing.`,
    subjects,
    fix: ['--strip-module'],
  };
}

/** A model may have a child that is called `module`, so that what looks like a forgotten prefix is its real name. */
function partialResult(partial: readonly StateDict[]): RuleResult | undefined {
  if (!partial.length) return undefined;
  const subjects = subjectsOf(partial);
  return {
    severity: 'info',
    message: `${subjects.length} of ${counted(countKeys(partial), 'key')} in ${places(partial)} begin with "${PREFIX}" and the others do not, so it may be the name of a real child module. If it is what DataParallel left ("Unexpected key(s) in state_dict"), fix --strip-module takes it away.`,
    subjects,
  };
}

function hasPrefix(key: string): boolean {
  return key.startsWith(PREFIX) && key.length > PREFIX.length;
}

function isOfWrapper(key: string): boolean {
  return hasPrefix(key) || key === BESIDE_WRAPPED;
}

function subjectsOf(stateDicts: readonly StateDict[]): string[] {
  return stateDicts.flatMap(({ path, tensorKeys }) => tensorKeys.filter(hasPrefix).map(namesUnder(path)));
}

function countKeys(stateDicts: readonly StateDict[]): number {
  return stateDicts.reduce((sum, { tensorKeys }) => sum + tensorKeys.length, 0);
}

function places(stateDicts: readonly StateDict[]): string {
  return listed(stateDicts.map(({ path }) => placeName(path)));
}
