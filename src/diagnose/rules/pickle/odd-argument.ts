import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'pickle/odd-argument',
  severity: 'warning',
  title: 'A known function is called as no pickler would',
  kind: 'odd-argument',
  meaning: 'no harm is known to come of it, but torch.save did not write this.',
});
