import { stat } from 'node:fs/promises';
import { diagnose } from '../diagnose/engine.ts';
import type { Finding } from '../diagnose/finding.ts';
import { prescribe } from '../diagnose/prescription.ts';
import { openCheckpoint, openSource } from '../formats/open.ts';
import { RefusedError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import { createOutputFile, type OutputFile } from '../io/output-file.ts';
import { checkEnding, defaultOutput } from './output-name.ts';
import type { FixSummary, OutputForm, OutputPlan } from './outputs/output.ts';
import { planOutput } from './outputs/plan-output.ts';
import { type FixSteps, mergeSteps, operationsOf, stepsOfFlags } from './steps.ts';
import type { VerifyLevel } from './verify.ts';

export interface FixOptions extends FixSteps {
  /** Path of the healed file; see `defaultOutput` where it is left out. */
  readonly output?: string;
  /** Replace an existing output. The input itself is never replaced. */
  readonly force?: boolean;
  /** Change the end of the input itself, where storages can stay as they are; `undoFix` takes it back. `output` has no meaning then. */
  readonly inPlace?: boolean;
  /** What to write; a zip archive of torch.save when left out. */
  readonly to?: OutputForm;
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
  /** The input itself where it was healed in place. */
  readonly output: string;
  readonly mode: 'copy' | 'append';
  readonly plan: FixSummary;
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
  if (options.inPlace) return fixInPlace(input, options);
  const checkpoint = await openCheckpoint(input);
  try {
    const findingsBefore = diagnose(checkpoint);
    const operations = operationsOf(stepsOf(input, options, findingsBefore));
    const form = options.to ?? 'torch';
    const plan = await planOutput(checkpoint, operations, form);
    const stats = await stat(input);
    const output = options.output ?? defaultOutput(input, stats.isDirectory(), form);
    checkEnding(output, form);
    const result = {
      input,
      output,
      mode: 'copy' as const,
      plan,
      findingsBefore,
      bytesIn: checkpoint.fileSize ?? checkpoint.source.size,
      bytesOut: plan.file.size,
    };
    if (options.dryRun) return { ...result, findingsAfter: [], verified: false, corrupted: [] };
    const file = await createOutputFile(output, {
      input,
      // the bits of a folder that let it be entered are nothing for a file
      mode: stats.isDirectory() ? stats.mode & 0o666 : stats.mode,
      size: plan.file.size,
      ...(options.force !== undefined && { force: options.force }),
    });
    try {
      return { ...result, ...(await write(plan, file, options)), verified: true };
    } catch (error) {
      await file.abort();
      throw error;
    }
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

/** Writes, reads back, compares, and only then gives the file its name. */
async function write(
  plan: OutputPlan,
  file: OutputFile,
  options: FixOptions,
): Promise<{ findingsAfter: readonly Finding[]; corrupted: readonly string[] }> {
  const { onProgress } = options;
  const corrupted = await plan.file.write(file, onProgress ? { onProgress } : {});
  for (const check of plan.checks) check();
  await file.finish();
  const source = await openFile(file.temporaryPath);
  try {
    // under the name that it will have: some rules look at names
    const written = await openSource(source, file.path);
    await plan.file.verify(written, options.verify ?? 'quick');
    const findingsAfter = diagnose(written);
    refuseHostile(findingsAfter);
    await file.publish();
    return { findingsAfter, corrupted };
  } finally {
    await source.close?.();
  }
}

/** A healed file is one that people load: what runs code when it is loaded is not written again. */
function refuseHostile(findings: readonly Finding[]): void {
  const hostile = findings.find(({ rule }) => rule.startsWith('safety/'));
  if (hostile) {
    throw new RefusedError(
      `the result would still run code when it is loaded (${hostile.rule}: ${hostile.subjects[0]}); --weights keeps the tensors alone, where they can be told`,
    );
  }
}

function stepsOf(input: string, options: FixOptions, findings: readonly Finding[]): FixSteps {
  const { flags } = prescribe(findings);
  const nothing = !options.auto && !options.to && operationsOf(options).length === 0;
  if (nothing) {
    throw new RefusedError(
      flags.length > 0
        ? `no operation given; this heals what was found: ckpt-doctor fix ${input} ${flags.join(' ')}`
        : 'no operation given, and nothing was found that a fix would heal; see ckpt-doctor fix --help',
    );
  }
  return options.auto ? mergeSteps(options, stepsOfFlags(flags)) : options;
}
