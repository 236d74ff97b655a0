import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/dangerous-call',
  severity: 'error',
  title: 'Loading the file runs code',
  kind: 'dangerous-call',
  meaning:
    'whoever made the file chose what runs on your machine. Do not load it with weights_only=False; get the weights from somewhere else.',
});
