import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'limit/unsearched',
  severity: 'warning',
  title: 'A part of the archive or folder was not searched for pickles',
  kind: 'unsearched',
  lead: 'Not searched for pickles:',
  meaning:
    'torch does not read that part with the weights, another program may. fix leaves out what no tensor needs; in an archive unzip shows what is left.',
});
