import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'legacy/tar',
  severity: 'error',
  needs: 'container',
  title: 'The file is a tar archive of torch 0.1',
  check({ container, damage, tensors }) {
    if (container.kind !== 'torch-tar') return undefined;
    return {
      message: `The file is a tar archive, as torch before 0.1.10 saved it: torch.load with weights_only=True, the default since torch 2.6, fails with "Cannot use \`\`weights_only=True\`\` with files saved in the legacy .tar format". ${damage.length ? 'fix does not rewrite a damaged file.' : 'fix writes what torch.save writes today, with the same bytes.'}`,
      subjects: tensors.length ? tensors.map(({ name }) => name) : ['the file'],
      fix: damage.length ? [] : ['--auto'],
    };
  },
});
