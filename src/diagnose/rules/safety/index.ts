import type { Rule } from '../../define-rule.ts';
import argument from './argument.ts';
import buildOnValue from './build-on-value.ts';
import computedCall from './computed-call.ts';
import computedImport from './computed-import.ts';
import dangerousCall from './dangerous-call.ts';
import dangerousGlobal from './dangerous-global.ts';
import dottedName from './dotted-name.ts';
import extensionCode from './extension-code.ts';

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
];
