import type { Rule } from '../define-rule.ts';
import argument from './safety/argument.ts';
import buildOnValue from './safety/build-on-value.ts';
import computedCall from './safety/computed-call.ts';
import computedImport from './safety/computed-import.ts';
import dangerousCall from './safety/dangerous-call.ts';
import dangerousGlobal from './safety/dangerous-global.ts';
import dottedName from './safety/dotted-name.ts';
import extensionCode from './safety/extension-code.ts';
import recordPath from './safety/record-path.ts';
import secondArchive from './safety/second-archive.ts';

/** What points at hostile intent, the plainest first. */
export const SAFETY_RULES: readonly Rule[] = [
  dangerousCall,
  dangerousGlobal,
  computedCall,
  computedImport,
  dottedName,
  buildOnValue,
  extensionCode,
  argument,
  secondArchive,
  recordPath,
];
