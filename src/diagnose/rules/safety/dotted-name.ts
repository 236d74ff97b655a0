import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'safety/dotted-name',
  severity: 'error',
  title: 'A name reaches through a module for what it has imported',
  kind: 'dotted-name',
  meaning:
    'a pickler names what it saves by the module that defines it; a path through other modules hides what is meant.',
});
