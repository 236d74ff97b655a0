import { defineRule } from '../../define-rule.ts';
import { loadKeyFailure } from '../../load-key.ts';

const FAILURE = `${loadKeyFailure('\x1f')}, because it does not decompress`;

export default defineRule({
  id: 'content/gzip',
  severity: 'error',
  needs: 'container',
  title: 'The file is compressed by gzip',
  check({ container, damage, tensors }) {
    if (container.wrapper !== 'gzip') return undefined;
    const healthy = damage.length === 0;
    return {
      message: `The file is compressed by gzip, and ${FAILURE}. ${healthy ? 'fix writes what is inside.' : 'Of a damaged file fix writes what is whole, with --salvage.'} Or decompress it with gunzip.`,
      subjects: tensors.length ? tensors.map(({ name }) => name) : ['the file'],
      fix: healthy ? ['--auto'] : [],
    };
  },
  explain: () => ({
    message: `The file is compressed by gzip, and ${FAILURE}. Decompress it with gunzip and look at what is inside; fix can not.`,
    subjects: [],
  }),
});
