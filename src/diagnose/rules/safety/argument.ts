import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/argument',
  severity: 'error',
  title: 'A harmless function is handed something to run',
  kind: 'argument',
  meaning: 'the function is known, but what it is given makes it run or reach something else.',
});
