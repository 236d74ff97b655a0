import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'limit/exhausted',
  severity: 'error',
  needs: 'container',
  title: 'A budget ran out before the file could be judged',
  explain: ({ message }) => ({
    message: `${message.replace(/^./, (first) => first.toUpperCase())}. That is no verdict: the file may be harmless and large, or made to keep scanners busy. The limits and how to move them stand in docs/limits.md; fix does not touch what was not read.`,
    subjects: [],
  }),
});
