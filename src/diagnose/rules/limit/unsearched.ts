import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'limit/unsearched',
  severity: 'warning',
  title: 'A part of the archive was not searched for pickles',
  kind: 'unsearched',
  lead: 'Not searched for pickles:',
  meaning:
    'torch does not read that part, another program may. fix leaves out what no tensor needs; what is left can be looked at with unzip.',
});
