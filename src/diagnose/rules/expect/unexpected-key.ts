import { defineRule } from '../../define-rule.ts';
import { comparedPath, renamingFlags } from '../../expected-keys.ts';
import { counted, namesUnder, placeName, printable } from '../../wording.ts';

export default defineRule({
  id: 'expect/unexpected-key',
  severity: 'error',
  needs: 'expectation',
  title: 'The checkpoint has keys that the model does not expect',
  check(_checkpoint, { keyComparison, expected }) {
    const { unexpected = [] } = keyComparison ?? {};
    if (!keyComparison || !unexpected.length) return undefined;
    const path = comparedPath(keyComparison);
    // a prefix too much may leave keys that are unexpected without it too
    const { prefix } = keyComparison;
    const renames = prefix !== undefined && (!prefix.surplus || unexpected.length === expected?.keys.size);
    return {
      message: `${counted(unexpected.length, 'key')} in ${placeName(path)} ${unexpected.length === 1 ? 'is' : 'are'} not in the model: load_state_dict fails with 'Unexpected key(s) in state_dict: "${printable(unexpected[0] as string)}"'. With strict=False they are passed over.${renames ? '' : ' fix --drop leaves tensors out.'}`,
      subjects: unexpected.map(namesUnder(path)),
      fix: renames ? renamingFlags(keyComparison) : [],
    };
  },
});
