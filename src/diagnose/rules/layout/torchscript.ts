import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'layout/torchscript',
  severity: 'warning',
  needs: 'container',
  title: 'The file is a TorchScript archive, which torch.jit.load reads',
  check({ container, records }) {
    if (container.kind !== 'torchscript') return undefined;
    // torch.load goes by this record; archives from before 1.4 have none
    const failure = records.some(({ name, outsideRoot }) => !outsideRoot && name === 'constants.pkl')
      ? 'Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``'
      : 'PytorchStreamReader failed locating file data.pkl: file not found';
    return {
      message: `The file is a TorchScript archive: torch.load with weights_only=True, the default since torch 2.6, fails with "${failure}". Load it with torch.jit.load; for its weights alone, as a state_dict, there is fix --weights.`,
      fix: ['--weights'],
      subjects: [container.root || 'archive'],
    };
  },
});
