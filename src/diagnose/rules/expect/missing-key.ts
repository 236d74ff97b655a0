import { defineRule } from '../../define-rule.ts';
import { comparedPath, renamingFlags } from '../../expected-keys.ts';
import { counted, placeName, printable } from '../../wording.ts';

export default defineRule({
  id: 'expect/missing-key',
  severity: 'error',
  needs: 'expectation',
  title: 'Keys that the model expects are not in the checkpoint',
  check(_checkpoint, { keyComparison, expected }) {
    const { missing = [], prefix, stateDict } = keyComparison ?? {};
    if (!keyComparison || !missing.length) return undefined;
    const all = counted(expected?.keys.size ?? 0, 'key');
    const where = stateDict
      ? `in ${placeName(comparedPath(keyComparison))}`
      : 'anywhere: the checkpoint holds no state_dict';
    const quote = `load_state_dict fails with 'Missing key(s) in state_dict: "${printable(missing[0] as string)}"'`;
    const message = `${missing.length} of ${all} that the model expects ${missing.length === 1 ? 'is' : 'are'} not ${where}; ${quote}. With strict=False they keep the values that the model began with.`;
    if (!prefix) return { message: `${message} fix has nothing to put there.`, subjects: missing };
    const owner = prefix.surplus ? 'file' : 'model';
    return {
      message: `${message} The keys of the ${owner} begin with "${printable(prefix.text)}".`,
      subjects: missing,
      fix: renamingFlags(keyComparison),
    };
  },
});
