import type { Rule } from '../define-rule.ts';
import budgetFileBytes from './budget/file-bytes.ts';
import budgetParameters from './budget/parameters.ts';
import budgetWastedBytes from './budget/wasted-bytes.ts';
import expectDtypeMismatch from './expect/dtype-mismatch.ts';
import expectMissingKey from './expect/missing-key.ts';
import expectOptimizerGroups from './expect/optimizer-groups.ts';
import expectShapeMismatch from './expect/shape-mismatch.ts';
import expectUnexpectedKey from './expect/unexpected-key.ts';
import policyDtype from './policy/dtype.ts';
import policyGlobal from './policy/global.ts';
import policyLocation from './policy/location.ts';

/** Rules that are silent until a user says what is wanted: the keys of a model, a budget, a list of what is allowed. */
export const ASKED_RULES: readonly Rule[] = [
  expectMissingKey,
  expectUnexpectedKey,
  expectShapeMismatch,
  expectDtypeMismatch,
  expectOptimizerGroups,
  policyGlobal,
  policyLocation,
  policyDtype,
  budgetFileBytes,
  budgetParameters,
  budgetWastedBytes,
];
