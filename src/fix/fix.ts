import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { diagnose } from '../diagnose/engine.ts';
import type { Finding } from '../diagnose/finding.ts';
import { prescribe } from '../diagnose/prescription.ts';
import { hasWholePickle } from '../diagnose/salvage.ts';
import { openCheckpoint } from '../formats/open.ts';
import { RefusedError, UnreadableError } from '../io/errors.ts';
import { type FindChange, watchingFiles } from '../io/watched-files.ts';
import { checkEnding, defaultOutput, pretrainedOutput, shardNames } from './output-name.ts';
import type { FixSummary, OutputForm } from './outputs/output.ts';
import { planOutput } from './outputs/plan-output.ts';
import type { Lost, Salvaged } from './salvage.ts';
import { type FixSteps, mergeSteps, operationsOf, stepsOfFlags } from './steps.ts';
import type { VerifyLevel } from './verify.ts';
import { totalSize, writeOutput } from './write-output.ts';

export interface FixOptions extends FixSteps {
  /** Path of the healed file; see `defaultOutput` where it is left out. */
  readonly output?: string;
  /** Replace an existing output. The input itself is never replaced. */
  readonly force?: boolean;
  /** Change the end of the input itself, where storages can stay as they are; `undoFix` takes it back. `output` has no meaning then. */
  readonly inPlace?: boolean;
  /** Write what is whole of a damaged file. */
  readonly salvage?: boolean;
  /** What to write; a zip archive of torch.save when left out. */
  readonly to?: OutputForm;
  /** Spread tensors over files of at most so many bytes of them, with an index as transformers has it. */
  readonly shardSize?: number;
  /** Add every step that the findings name. */
  readonly auto?: boolean;
  /** Plan only: nothing is written. */
  readonly dryRun?: boolean;
  /** `quick` compares structure and sizes of what was written, `full` every byte of every storage too. */
  readonly verify?: VerifyLevel;
  readonly onProgress?: (written: number, total: number) => void;
}

export interface FixResult {
  readonly input: string;
  /** The input itself where it was healed in place; the index where there are several files. */
  readonly output: string;
  /** Every file of the output, the index among them. */
  readonly files: readonly string[];
  readonly mode: 'copy' | 'append';
  readonly plan: FixSummary;
  /** With `salvage`: what was not whole and is left out. */
  readonly lost?: readonly Lost[];
  readonly findingsBefore: readonly Finding[];
  /** Empty after a dry run. */
  readonly findingsAfter: readonly Finding[];
  /** False after a dry run. */
  readonly verified: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Storages whose bytes do not match the checksum that the source keeps of them: they were copied as they are. */
  readonly corrupted: readonly string[];
}

export { defaultOutput } from './output-name.ts';

/**
 * Writes a healed copy of a checkpoint, or heals it in place. A copy appears under its name only when it is complete and was held
 * against the plan, and the input is not touched then. In place, only what stands behind the old end of the file is written.
 *
 * @throws UnreadableError where the input can't be read; RefusedError where nothing was asked for, a step can't be done without
 * loss, or the output can't be written. Nothing is left behind then.
 */
export async function fixCheckpoint(input: string, options: FixOptions = {}): Promise<FixResult> {
  return options.inPlace
    ? fixInPlace(input, options)
    : watchingFiles((findChange) => fixCopy(input, options, findChange));
}

async function fixCopy(input: string, options: FixOptions, findChange: FindChange): Promise<FixResult> {
  const salvaged = options.salvage ? await salvageFrom(input) : undefined;
  const checkpoint =
    salvaged?.checkpoint ?? (await openCheckpoint(input, { everyHeader: true }).catch(namingSalvage));
  try {
    const findingsBefore = salvaged?.findings ?? diagnose(checkpoint);
    if (salvaged) refuseHostile(findingsBefore, 'the file would run code');
    const operations = operationsOf(stepsOf(input, options, findingsBefore));
    const form = options.to ?? 'torch';
    const planned = await planOutput(checkpoint, operations, form, options.shardSize);
    const plan = salvaged ? { ...planned, operations: [salvaged.report, ...planned.operations] } : planned;
    const stats = await stat(input);
    const output = await outputPath(input, options, stats.isDirectory());
    checkEnding(output, form);
    const names = plan.index ? shardNames(output, plan.files.length) : [output];
    const result = {
      input,
      output: names.at(-1) as string,
      files: names,
      mode: 'copy' as const,
      plan,
      findingsBefore,
      ...(salvaged && { lost: salvaged.lost }),
      bytesIn: checkpoint.fileSize ?? checkpoint.source.size,
      bytesOut: totalSize(plan.files),
    };
    if (options.dryRun) return { ...result, findingsAfter: [], verified: false, corrupted: [] };
    const { findings, corrupted } = await writeOutput(plan, names, {
      input: sourceFiles(checkpoint, input, stats.isDirectory()),
      // the bits of a folder that let it be entered are nothing for a file
      mode: stats.isDirectory() ? stats.mode & 0o666 : stats.mode,
      verify: options.verify ?? 'quick',
      accept: async (findings) => {
        refuseHostile(findings);
        refuseUnvetted(findingsBefore, findings);
        const change = await findChange();
        if (change) throw change;
      },
      ...(options.force !== undefined && { force: options.force }),
      ...(options.onProgress && { onProgress: options.onProgress }),
    });
    return { ...result, findingsAfter: findings, corrupted, verified: true };
  } finally {
    await checkpoint.close();
  }
}

async function fixInPlace(input: string, options: FixOptions): Promise<FixResult> {
  const [{ planInPlace, writeInPlace }, { fileState }] = await Promise.all([
    import('./in-place.ts'),
    import('../io/in-place-file.ts'),
  ]);
  // seen before the file is opened: a change while it is looked at must show
  const state = await fileState(input);
  const checkpoint = await openCheckpoint(input);
  try {
    const findingsBefore = diagnose(checkpoint);
    const operations = operationsOf(stepsOf(input, options, findingsBefore));
    // the old pickle stays in the file, so nothing that is taken out of the new one would be gone
    refuseHostile(findingsBefore);
    const plan = await planInPlace(checkpoint, operations, state);
    const bytesIn = state.size;
    const bytesOut = plan.layout?.size ?? bytesIn;
    const result = {
      input,
      output: input,
      files: [input],
      mode: 'append' as const,
      plan: { ...plan, pieces: plan.storages.length, noun: 'storage' as const },
      findingsBefore,
      bytesIn,
      bytesOut,
      corrupted: [],
    };
    if (options.dryRun) return { ...result, findingsAfter: [], verified: false };
    const { onProgress } = options;
    const findingsAfter = await writeInPlace(plan, state, onProgress ? { onProgress } : {});
    return { ...result, findingsAfter, verified: true };
  } finally {
    await checkpoint.close();
  }
}

/** Where to write; a folder that is there already is for files by the names that `from_pretrained` looks for. */
async function outputPath(input: string, options: FixOptions, isFolder: boolean): Promise<string> {
  const { to = 'torch', shardSize, output } = options;
  if (output === undefined) return defaultOutput(input, isFolder, to, shardSize !== undefined);
  if (shardSize === undefined) return output;
  const found = await stat(output).catch(() => undefined);
  return found?.isDirectory() ? pretrainedOutput(output, to) : output.replace(/\.index\.json$/i, '');
}

/** Every file that the checkpoint is read from. */
function sourceFiles({ sharding }: Checkpoint, input: string, isFolder: boolean): string[] {
  const folder = isFolder ? input : dirname(input);
  return [input, ...(sharding?.files ?? []).map(({ name }) => join(folder, name))];
}

/** The same error, and what can be done where the file can't be had again. */
function namingSalvage(error: unknown): never {
  if (!(error instanceof UnreadableError && hasWholePickle(error))) throw error;
  const { code, message, offset, rule } = error;
  throw new UnreadableError(code, `${message}; fix --salvage writes what is whole`, offset, rule);
}

async function salvageFrom(input: string): Promise<Salvaged> {
  const { salvage } = await import('./salvage.ts');
  return salvage(input);
}

/** A healed file is one that people load: what runs code when it is loaded is not written again. */
function refuseHostile(findings: readonly Finding[], what = 'the result would still run code'): void {
  const hostile = findings.find(({ rule }) => rule.startsWith('safety/'));
  if (hostile) {
    throw new RefusedError(
      `${what} when it is loaded (${hostile.rule}: ${hostile.subjects[0]}); --weights keeps the tensors alone, where they can be told`,
    );
  }
}

/** Of a file that would have run code, nothing is trusted but what `weights_only` takes. */
function refuseUnvetted(before: readonly Finding[], after: readonly Finding[]): void {
  const hostile = before.find(({ rule }) => rule.startsWith('safety/'));
  const unvetted = after.find(({ rule, severity }) => rule.startsWith('globals/') && severity !== 'info');
  if (hostile && unvetted) {
    throw new RefusedError(
      `the file would run code when it is loaded (${hostile.rule}: ${hostile.subjects[0]}), and the result would still name what weights_only refuses (${unvetted.rule}: ${unvetted.subjects[0]}); --weights keeps the tensors alone, where they can be told`,
    );
  }
}

function stepsOf(input: string, options: FixOptions, findings: readonly Finding[]): FixSteps {
  const { flags } = prescribe(findings);
  const { auto, to, shardSize, salvage } = options;
  const nothing = !auto && !to && !salvage && shardSize === undefined && operationsOf(options).length === 0;
  if (nothing) {
    throw new RefusedError(
      flags.length > 0
        ? `no operation given; this heals what was found: ckpt-doctor fix ${input} ${flags.join(' ')}`
        : 'no operation given, and nothing was found that a fix would heal; see ckpt-doctor fix --help',
    );
  }
  return options.auto ? mergeSteps(options, stepsOfFlags(flags)) : options;
}
