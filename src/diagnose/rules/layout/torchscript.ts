import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'layout/torchscript',
  severity: 'warning',
  needs: 'pickle',
  title: 'The file is a TorchScript archive, which torch.jit.load reads',
  check(checkpoint) {
    const { container, tensors } = checkpoint;
    if (container.kind !== 'torchscript') return undefined;
    // torch.load goes by this record; archives from before 1.4 have none
    const failure = checkpoint.records.some(
      ({ name, outsideRoot }) => !outsideRoot && name === 'constants.pkl',
    )
      ? 'Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``'
      : 'PytorchStreamReader failed locating file data.pkl: file not found';
    const holds = tensors.length > 0;
    const remedy = holds
      ? 'for its weights alone, as a state_dict, there is fix --weights'
      : 'fix makes no state_dict of it, because its modules hold no tensor (those of a frozen module are constants of its code)';
    return {
      message: `The file is a TorchScript archive: torch.load with weights_only=True, the default since torch 2.6, fails with "${failure}". Load it with torch.jit.load; ${remedy}.`,
      fix: holds ? ['--weights'] : [],
      subjects: [container.root || 'archive'],
    };
  },
});
