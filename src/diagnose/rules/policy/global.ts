import { defineRule } from '../../define-rule.ts';
import { globalsCure, globalsFlags } from '../../globals-finding.ts';
import { isListed } from '../../wildcard.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'policy/global',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle names functions or classes that the policy does not allow',
  options: { allow: ['*'] },
  check({ globals }, examination, { allow }) {
    // what weights_only takes anyway is how tensors are written: without it there would be no checkpoint
    const refused = globals.filter(({ name, weightsOnly }) => !weightsOnly && !isListed(name, allow));
    if (!refused.length) return undefined;
    const names = refused.map(({ name }) => name);
    return {
      message: `${counted(names.length, 'function or class', 'functions or classes')} that the policy does not allow: ${listed(names, 8)}. torch.load(weights_only=True) refuses ${names.length === 1 ? 'it' : 'them'} as well. ${globalsCure(examination)}`,
      subjects: names,
      fix: globalsFlags(examination),
    };
  },
});
