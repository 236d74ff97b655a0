import { defineRule } from '../../define-rule.ts';
import { comparedPath } from '../../expected-keys.ts';
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
    if (!prefix) return { message, subjects: missing };
    const { text, surplus } = prefix;
    const flags = surplus ? stripping(text) : ['--add-prefix', text];
    const cause = surplus ? `The keys of the file begin with` : `The keys of the model begin with`;
    return { message: `${message} ${cause} "${printable(text)}".`, subjects: missing, fix: flags };
  },
});

function stripping(prefix: string): string[] {
  return prefix === 'module.' ? ['--strip-module'] : ['--strip-prefix', prefix];
}
