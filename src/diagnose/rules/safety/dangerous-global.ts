import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/dangerous-global',
  severity: 'error',
  title: 'Loading the file imports what can run code',
  kind: 'dangerous-global',
  meaning:
    'no saved weights need that name, and whoever gets hold of it can run code. Do not load it with weights_only=False.',
});
