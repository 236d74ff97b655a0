import { defineRule } from '../../define-rule.ts';

const FAILURES: Readonly<Record<string, string>> = {
  zip: 'Expected hasRecord("version") to be true, but got false.',
  tar: 'Cannot use ``weights_only=True`` with files saved in the legacy .tar format.',
};

export default defineRule({
  id: 'content/archive',
  severity: 'error',
  needs: 'container',
  title: 'The checkpoint stands inside a zip or tar archive',
  check({ container, damage, tensors }) {
    const failure = FAILURES[container.wrapper ?? ''];
    if (failure === undefined) return undefined;
    const healthy = damage.length === 0;
    return {
      message: `The checkpoint is a file inside a ${container.wrapper} archive, which torch.load does not open: it fails with '${failure}'. ${healthy ? 'fix writes the file inside.' : 'Of a damaged file fix writes what is whole, with --salvage.'} Or unpack the archive.`,
      subjects: tensors.length ? tensors.map(({ name }) => name) : ['the file'],
      fix: healthy ? ['--auto'] : [],
    };
  },
  explain: () => ({
    message: `An archive of files is nothing that torch.load opens: it fails with '${FAILURES.zip}', or "${FAILURES.tar}". Unpack it and take the checkpoint that is in it, if there is one; fix can not choose.`,
    subjects: [],
  }),
});
