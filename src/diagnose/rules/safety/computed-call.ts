import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/computed-call',
  severity: 'error',
  title: 'What gets called is computed',
  kind: 'computed-call',
  meaning: 'what that is can not be known without running the file, and no pickler of weights writes that.',
});
