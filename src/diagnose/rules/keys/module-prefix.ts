import { defineRule, type RuleResult } from '../../define-rule.ts';
import { counted, listed, namesUnder, placeName } from '../../wording.ts';
import { type Wrapping, wrapperResult } from '../../wrappers.ts';

const PREFIX = 'module.';

export default defineRule({
  id: 'keys/module-prefix',
  severity: 'warning',
  needs: 'pickle',
  title: "Keys begin with 'module.', as DataParallel and DistributedDataParallel save them",
  check(_checkpoint, examination) {
    return [wrapperResult(PREFIX, examination), partialResult(examination.wrappings)].filter(
      (result) => result !== undefined,
    );
  },
});

/** A model may have a child that is called `module`, so that what looks like a forgotten prefix is its real name. */
function partialResult(wrappings: readonly Wrapping[]): RuleResult | undefined {
  const partial = wrappings
    .filter(({ kinds }) => !kinds.every((prefix) => prefix.startsWith(PREFIX)))
    .map(({ stateDict: { path, tensorKeys }, prefixes }) => ({
      path,
      tensorKeys,
      subjects: tensorKeys
        .filter((key, index) => hasPrefix(key) && !prefixes[index]?.startsWith(PREFIX))
        .map(namesUnder(path)),
    }))
    .filter(({ subjects }) => subjects.length);
  if (!partial.length) return undefined;
  const subjects = partial.flatMap((each) => each.subjects);
  const all = partial.reduce((sum, { tensorKeys }) => sum + tensorKeys.length, 0);
  return {
    severity: 'info',
    message: `${subjects.length} of ${counted(all, 'key')} in ${listed(partial.map(({ path }) => placeName(path)))} begin with "${PREFIX}" and the others do not, so it may be the name of a real child module. If it is what DataParallel left ("Unexpected key(s) in state_dict"), fix --strip-module takes it away.`,
    subjects,
  };
}

function hasPrefix(key: string): boolean {
  return key.startsWith(PREFIX) && key.length > PREFIX.length;
}
