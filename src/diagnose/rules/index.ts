import type { Rule } from '../define-rule.ts';
import { ASKED_RULES } from './asked.ts';
import cudaTag from './device/cuda-tag.ts';
import exoticTag from './device/exotic-tag.ts';
import nonstandardCpuTag from './device/nonstandard-cpu-tag.ts';
import halfWeights from './dtype/half-weights.ts';
import mixedFloat from './dtype/mixed-float.ts';
import modulePrefix from './keys/module-prefix.ts';
import inlineBytesHuge from './pickle/inline-bytes-huge.ts';
import protocol from './pickle/protocol.ts';

/** The catalogue, in the order in which findings of one severity are told: what keeps a file from loading comes first. */
export const RULES: readonly Rule[] = [
  protocol,
  inlineBytesHuge,
  exoticTag,
  nonstandardCpuTag,
  cudaTag,
  modulePrefix,
  mixedFloat,
  halfWeights,
  ...ASKED_RULES,
];
