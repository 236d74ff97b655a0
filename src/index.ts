/**
 * Inspect, diagnose and heal PyTorch checkpoints without Python or torch. Nothing in a file is ever executed.
 *
 * ```ts
 * const checkpoint = await openCheckpoint('model.pth');
 * for (const finding of diagnose(checkpoint)) console.log(finding.rule, finding.message);
 * const weight = await readTensor(checkpoint.tensors[0]);
 * await checkpoint.close();
 * await fixCheckpoint('model.pth', { output: 'healed.pth', mapLocation: 'cpu', stripPrefixes: ['module.'] });
 *
 * const policy = await makePolicy(await loadConfig(undefined), { presets: ['release'] });
 * const { files } = await findFiles(['models']);
 * const verdicts = await checkFiles(files, policy);
 * ```
 */

export type {
  ArchiveRecord,
  Checkpoint,
  Container,
  ContainerKind,
  GlobalUse,
  PickleFacts,
} from './checkpoint/checkpoint.ts';
export { compileNameGlobs, type NameMatcher } from './checkpoint/name-glob.ts';
export { type Path, pathName } from './checkpoint/path.ts';
export { type Producer, producerOf } from './checkpoint/producer.ts';
export { type ReadTensorOptions, readTensor, type TensorArray } from './checkpoint/read-tensor.ts';
export { type Role, type RoleName, rolesOf } from './checkpoint/roles.ts';
export type { Storage } from './checkpoint/storage.ts';
export type { Tensor, TensorKind } from './checkpoint/tensor.ts';
export { TensorHandle } from './checkpoint/tensor-handle.ts';
export { type Totals, totalsOf } from './checkpoint/totals.ts';
export { type CompareOptions, compareCheckpoints } from './compare/compare.ts';
export { type ComparedPair, type Comparison, isSame } from './compare/comparison.ts';
export type { Rule, RuleOptions } from './diagnose/define-rule.ts';
export {
  type DiagnoseOptions,
  diagnose,
  diagnoseFailure,
  docsPath,
  type RuleSetting,
} from './diagnose/engine.ts';
export { ErrorLookup, type ErrorMatch } from './diagnose/error-lookup.ts';
export type { ExpectedKeys, ExpectedTensor } from './diagnose/expected-keys.ts';
export type { Finding, Severity } from './diagnose/finding.ts';
export { examinePayload, type PayloadFacts } from './diagnose/payload.ts';
export { type Prescription, prescribe } from './diagnose/prescription.ts';
export { RULES } from './diagnose/rules/index.ts';
export { defaultOutput, type FixOptions, type FixResult, fixCheckpoint } from './fix/fix.ts';
export type { FixPlan } from './fix/plan.ts';
export { type UndoOptions, type UndoResult, undoFix } from './fix/undo.ts';
export { openCheckpoint, openSource } from './formats/open.ts';
export { type ByteSource, MemorySource, type SourceRange, SubSource } from './io/byte-source.ts';
export { RefusedError, type UnreadableCode, UnreadableError } from './io/errors.ts';
export { openFile } from './io/file-source.ts';
export type { InflatedRange, Segment } from './io/segment.ts';
export {
  computeStatistics,
  type Histogram,
  type StatisticsOptions,
  type TensorStatistics,
} from './numeric/statistics.ts';
export { type CastForecast, euclideanNorm, type Summary, sampleDeviation } from './numeric/summary.ts';
export { type TensorFlow, toTfjs } from './numeric/to-tfjs.ts';
export { eachCall } from './pickle/tensor-call.ts';
export * from './pickle/values.ts';
export { type Baseline, readBaseline } from './policy/baseline.ts';
export {
  type CheckedFile,
  type CheckOptions,
  checkFiles,
  type FileStatus,
} from './policy/check-files.ts';
export type { Config, Demands, Override, PresetName } from './policy/config.ts';
export { CHECKPOINT_EXTENSIONS, type FoundFiles, findFiles } from './policy/find-files.ts';
export { type KeysDocument, keysDocument, readKeys } from './policy/keys-file.ts';
export { type LoadedConfig, loadConfig } from './policy/load-config.ts';
export { type Asked, type FilePolicy, makePolicy, type Policy } from './policy/policy.ts';
export {
  type CheckDocument,
  type CheckFileEntry,
  checkDocument,
  checkEntry,
} from './report/check-document.ts';
export { type DiffDocument, diffDocument } from './report/diff-document.ts';
export { type FixDocument, fixDocument } from './report/fix-document.ts';
export { githubCommands } from './report/github.ts';
export {
  type InspectDocument,
  type InspectOptions,
  inspectDocument,
  type UnreadableDocument,
} from './report/inspect-document.ts';
export { inspectJson } from './report/json.ts';
export { junitXml } from './report/junit.ts';
export { markdownReport } from './report/markdown.ts';
export { type RulePage, type SarifOptions, sarifLog } from './report/sarif.ts';
export { type Dtype, type DtypeFamily, dtypeByName } from './torch/dtypes.ts';
