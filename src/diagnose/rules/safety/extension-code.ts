import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/extension-code',
  severity: 'error',
  title: 'The extension registry of the loading program is called',
  kind: 'extension-code',
  meaning:
    'which function that is stands in the registry of the program that loads, not in the file, so it can not be vetted.',
});
