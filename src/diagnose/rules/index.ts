import type { Rule } from '../define-rule.ts';
import { ASKED_RULES } from './asked.ts';
import minTorch from './compat/min-torch.ts';
import { CONTAINER_RULES } from './container.ts';
import plainPickle from './content/plain-pickle.ts';
import trainingState from './content/training-state.ts';
import wholeModule from './content/whole-module.ts';
import sharedMemory from './convert/shared-memory.ts';
import cudaTag from './device/cuda-tag.ts';
import exoticTag from './device/exotic-tag.ts';
import indexOutOfRange from './device/index-out-of-range.ts';
import metaStorage from './device/meta-storage.ts';
import nonstandardCpuTag from './device/nonstandard-cpu-tag.ts';
import bfloat16 from './dtype/bfloat16.ts';
import double from './dtype/double.ts';
import float32Copy from './dtype/float32-copy.ts';
import fp32CouldBeHalf from './dtype/fp32-could-be-half.ts';
import halfStatistics from './dtype/half-statistics.ts';
import halfWeights from './dtype/half-weights.ts';
import integerBufferAsFloat from './dtype/integer-buffer-as-float.ts';
import mixedFloat from './dtype/mixed-float.ts';
import configObject from './globals/config-object.ts';
import dtensor from './globals/dtensor.ts';
import mainModule from './globals/main-module.ts';
import notAllowlisted from './globals/not-allowlisted.ts';
import numpyValue from './globals/numpy-value.ts';
import numpy2 from './globals/numpy2.ts';
import platformPath from './globals/platform-path.ts';
import projectClass from './globals/project-class.ts';
import commonPrefix from './keys/common-prefix.ts';
import compilePrefix from './keys/compile-prefix.ts';
import fsdpPrefix from './keys/fsdp-prefix.ts';
import legacyNames from './keys/legacy-names.ts';
import mixedTypes from './keys/mixed-types.ts';
import modulePrefix from './keys/module-prefix.ts';
import peftPrefix from './keys/peft-prefix.ts';
import unseenCharacters from './keys/unseen-characters.ts';
import adapterOnly from './layout/adapter-only.ts';
import lightning from './layout/lightning.ts';
import nestedStateDict from './layout/nested-state-dict.ts';
import nonStringKeys from './layout/non-string-keys.ts';
import nonTensorValue from './layout/non-tensor-value.ts';
import notTorchscript from './layout/not-torchscript.ts';
import torchscript from './layout/torchscript.ts';
import cycle from './pickle/cycle.ts';
import deepNesting from './pickle/deep-nesting.ts';
import duplicateKey from './pickle/duplicate-key.ts';
import expansion from './pickle/expansion.ts';
import inlineBytesHuge from './pickle/inline-bytes-huge.ts';
import oddArgument from './pickle/odd-argument.ts';
import oddStream from './pickle/odd-stream.ts';
import protocol from './pickle/protocol.ts';
import python2Strings from './pickle/python2-strings.ts';
import sharedContainers from './pickle/shared-containers.ts';
import { SAFETY_RULES } from './safety.ts';
import emptyPlaceholders from './sharding/empty-placeholders.ts';
import flatParam from './sharding/flat-param.ts';
import indexMismatch from './sharding/index-mismatch.ts';
import loneShard from './sharding/lone-shard.ts';
import missingFile from './sharding/missing-file.ts';
import totalSize from './sharding/total-size.ts';
import oversized from './storage/oversized.ts';
import tied from './storage/tied.ts';
import sparseIndices from './tensor/sparse-indices.ts';
import allZero from './values/all-zero.ts';
import constant from './values/constant.ts';
import duplicateTensors from './values/duplicate-tensors.ts';
import fp16Overflow from './values/fp16-overflow.ts';
import inf from './values/inf.ts';
import nan from './values/nan.ts';

/** The catalogue, in the order in which findings of one severity are told: what keeps a file from loading comes first. */
export const RULES: readonly Rule[] = [
  ...SAFETY_RULES,
  ...CONTAINER_RULES,
  sharedContainers,
  protocol,
  python2Strings,
  inlineBytesHuge,
  oddArgument,
  oddStream,
  expansion,
  cycle,
  deepNesting,
  duplicateKey,
  notAllowlisted,
  projectClass,
  mainModule,
  configObject,
  numpyValue,
  numpy2,
  platformPath,
  dtensor,
  plainPickle,
  wholeModule,
  missingFile,
  indexMismatch,
  flatParam,
  emptyPlaceholders,
  loneShard,
  totalSize,
  exoticTag,
  nonstandardCpuTag,
  metaStorage,
  cudaTag,
  indexOutOfRange,
  torchscript,
  modulePrefix,
  compilePrefix,
  fsdpPrefix,
  nonStringKeys,
  mixedTypes,
  unseenCharacters,
  nonTensorValue,
  nan,
  inf,
  mixedFloat,
  integerBufferAsFloat,
  halfWeights,
  bfloat16,
  double,
  halfStatistics,
  float32Copy,
  fp32CouldBeHalf,
  fp16Overflow,
  allZero,
  constant,
  duplicateTensors,
  nestedStateDict,
  lightning,
  commonPrefix,
  peftPrefix,
  adapterOnly,
  legacyNames,
  trainingState,
  notTorchscript,
  sparseIndices,
  oversized,
  tied,
  sharedMemory,
  minTorch,
  ...ASKED_RULES,
];
