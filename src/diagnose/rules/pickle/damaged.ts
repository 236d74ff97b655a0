import { defineRule } from '../../define-rule.ts';
import { SALVAGE } from '../../salvage.ts';

export default defineRule({
  id: 'pickle/damaged',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle is damaged, or describes tensors that can not be',
  check({ damage, tensors }) {
    const faults = damage.filter(({ code }) => code === 'bad-pickle').map(({ message }) => message);
    const [first] = faults;
    if (first === undefined) return undefined;
    const some = tensors.length > faults.length;
    return {
      message: `The pickle contradicts itself: ${first.replace(/\.$/, '')}. ${some ? 'fix --salvage writes the tensors that are whole' : 'fix does not heal this'}.`,
      subjects: faults,
      fix: some ? SALVAGE : [],
    };
  },
  explain: () => ({
    message:
      'The pickle can not be read to its end: torch.load fails with "pickle data was truncated", "unpickling stack underflow", "invalid load key" or "Unsupported operand", by what it meets first. Get the file again; fix does not heal this.',
    subjects: [],
  }),
});
