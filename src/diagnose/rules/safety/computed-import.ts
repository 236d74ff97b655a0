import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/computed-import',
  severity: 'error',
  title: 'The name of an import is computed',
  kind: 'computed-import',
  meaning: 'what gets imported can not be known without running the file, and no pickler writes that.',
});
