import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/build-on-value',
  severity: 'error',
  title: 'A function or class is given a new state',
  kind: 'build-on-value',
  meaning:
    'attributes of a function or class are changed while the file is loaded, so that other names mean something else.',
});
