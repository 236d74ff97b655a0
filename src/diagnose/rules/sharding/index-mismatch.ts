import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'sharding/index-mismatch',
  severity: 'error',
  needs: 'container',
  title: 'The index and the shards disagree about where tensors are',
  check({ sharding }) {
    if (!sharding) return undefined;
    const { lostKeys, repeatedKeys, unlistedKeys } = sharding;
    const parts = [
      lostKeys.length > 0 &&
        `${counted(lostKeys.length, 'tensor')} not in the shard that the index names (${listed(lostKeys)})`,
      repeatedKeys.length > 0 &&
        `${counted(repeatedKeys.length, 'tensor')} in two shards (${listed(repeatedKeys)})`,
      unlistedKeys.length > 0 &&
        `${counted(unlistedKeys.length, 'tensor')} that the index does not name (${listed(unlistedKeys)})`,
    ].filter((part) => part !== false);
    if (parts.length === 0) return undefined;
    return {
      // what the index leaves out or has twice is there all the same
      severity: lostKeys.length > 0 ? 'error' : 'warning',
      message: `Index and shards are not of one save: ${parts.join('; ')}. A loader that asks the shard for what the index names fails with "File does not contain tensor", others leave weights as they were initialised ("Some weights … were not initialized from the model checkpoint"). Get index and shards from one place, or merge the shards with fix.`,
      subjects: [...lostKeys, ...repeatedKeys, ...unlistedKeys],
    };
  },
});
