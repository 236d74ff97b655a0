import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/second-archive',
  severity: 'error',
  title: 'Two programs find two different checkpoints in the file',
  kind: 'second-archive',
  lead: 'The file holds',
  meaning:
    'what a scanner has looked at may not be what torch loads, and no program that writes checkpoints makes such a file.',
});
