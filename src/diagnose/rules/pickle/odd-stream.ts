import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'pickle/odd-stream',
  severity: 'warning',
  title: 'The pickle has what no pickler writes',
  kind: 'odd-stream',
  meaning: 'another tool wrote or changed the stream, and readers may see different things in it.',
});
