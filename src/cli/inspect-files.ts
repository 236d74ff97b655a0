import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { NameMatcher } from '../checkpoint/name-glob.ts';
import { diagnose, diagnoseFailure } from '../diagnose/engine.ts';
import type { Loading } from '../diagnose/loading.ts';
import { openCheckpoint } from '../formats/open.ts';
import { isRemote, printableAddress } from '../io/address.ts';
import type { UnreadableError } from '../io/errors.ts';
import { type FindChange, watchingFiles } from '../io/watched-files.ts';
import { PickleFault, type RecordTrace } from '../pickle/trace.ts';
import type { CheckFileEntry } from '../report/check-document.ts';
import { failureEntry } from '../report/failure-entry.ts';
import {
  type InspectDocument,
  inspectDocument,
  type Listed,
  listedOf,
  type UnreadableDocument,
  unreadableDocument,
} from '../report/inspect-document.ts';
import type { InspectCommandOptions } from './commands/inspect.ts';
import type { Context } from './context.ts';
import { EXIT, reaches } from './exit-codes.ts';
import { tellFailure, tellReason } from './failure.ts';
import { progress } from './progress.ts';
import { readPayload } from './read-payload.ts';

/** A file as it was seen, and what only people are told of it. */
interface Inspection {
  readonly document: InspectDocument | UnreadableDocument;
  /** What the document lists, for a report that shows little of it. */
  readonly listed: () => Listed;
  readonly era?: string | undefined;
}

/** Inspects files one after the other; one that can't be read does not stop the others. */
export async function inspectFiles(
  files: readonly string[],
  options: InspectCommandOptions,
  context: Context,
): Promise<void> {
  const inspections = inspectAll(files, options, context);
  if (options.format === 'json') await printJson(inspections, files.length > 1, context);
  else if (options.format !== 'text') await printVerdicts(inspections, options, options.format, context);
  else await printText(inspections, options, context);
}

async function* inspectAll(
  files: readonly string[],
  options: InspectCommandOptions,
  context: Context,
): AsyncGenerator<Inspection> {
  const matches = options.filter === undefined ? undefined : await compileFilter(options.filter);
  const bar = progress('inspecting', files.length, context, options);
  try {
    for (const [index, file] of files.entries()) {
      bar.update(index);
      const inspection = await inspectOne(file, matches, options, context);
      bar.clear();
      yield inspection;
    }
  } finally {
    bar.stop();
  }
}

async function compileFilter(glob: string): Promise<NameMatcher> {
  const { compileNameGlobs } = await import('../checkpoint/name-glob.ts');
  return compileNameGlobs([glob]);
}

async function inspectOne(
  given: string,
  filter: NameMatcher | undefined,
  options: InspectCommandOptions,
  context: Context,
): Promise<Inspection> {
  // an address may hold a token, and goes into reports
  const file = isRemote(given) ? printableAddress(given) : given;
  const inspect = async (findChange: FindChange): Promise<Inspection> => {
    const checkpoint = await openCheckpoint(given, options.header ? { headers: options.header } : {});
    try {
      const findings = diagnose(checkpoint, { payload: await readPayload(checkpoint, options, context) });
      const change = await findChange();
      const { allSubjects = false } = options;
      const loading = await loadingOf(checkpoint.traces ?? [], options);
      const document = inspectDocument(change ? damagedBy(change, checkpoint) : checkpoint, findings, {
        allSubjects,
        ...(filter && { filter }),
        ...(loading && { loading }),
      });
      if (options.failOn && reaches(findings, options.failOn)) context.raise(EXIT.findings);
      if (document.error) await tellReason(document.error.message, file, context);
      return {
        document,
        listed: () => listedOf(checkpoint, filter),
        era: checkpoint.container.era,
      };
    } finally {
      await checkpoint.close();
    }
  };
  try {
    if (options.timeout === undefined) return await watchingFiles(inspect);
    const { withDeadline } = await import('../io/deadline.ts');
    return await withDeadline(options.timeout, () => watchingFiles(inspect));
  } catch (error) {
    await tellFailure(error, file, context, options);
    const findings = diagnoseFailure(error);
    const loading = error instanceof PickleFault ? await loadingOf(error.traces, options) : undefined;
    const document = unreadableDocument(file, await sizeOf(file), failureEntry(error), findings, loading);
    return { document, listed: () => ({ tensors: [], storages: [] }) };
  }
}

/** What was seen of a file that changed meanwhile is still told, and never called whole. */
function damagedBy(change: UnreadableError, checkpoint: Checkpoint): Checkpoint {
  return { ...checkpoint, damage: [change, ...checkpoint.damage] };
}

/** What loading would run, where that was asked for. */
async function loadingOf(
  traces: readonly RecordTrace[],
  { explainGlobals }: InspectCommandOptions,
): Promise<Loading | undefined> {
  if (!explainGlobals) return undefined;
  const { explainLoading } = await import('../diagnose/loading.ts');
  return explainLoading(traces);
}

/** Bytes of a file that could not be opened as a checkpoint; undefined where there is no such file. */
async function sizeOf(file: string): Promise<number | undefined> {
  const { stat } = await import('node:fs/promises');
  const stats = await stat(file).catch(() => undefined);
  return stats?.isFile() ? stats.size : undefined;
}

async function printJson(
  inspections: AsyncGenerator<Inspection>,
  asArray: boolean,
  context: Context,
): Promise<void> {
  const { inspectJson } = await import('../report/json.ts');
  let before = asArray ? '[\n' : '';
  for await (const { document } of inspections) {
    await context.stdout.write(before);
    await context.stdout.writeAll(inspectJson(document, asArray ? '  ' : ''));
    before = ',\n';
  }
  await context.stdout.write(asArray ? '\n]\n' : '\n');
}

/** The reports of `check`, which tell of findings alone. */
async function printVerdicts(
  inspections: AsyncGenerator<Inspection>,
  options: InspectCommandOptions,
  format: 'sarif' | 'markdown',
  context: Context,
): Promise<void> {
  const { statusOf } = await import('../policy/check-files.ts');
  const files: CheckFileEntry[] = [];
  for await (const { document } of inspections) {
    const { file, findings, error } = document;
    const status = statusOf(findings, error, options.failOn ?? 'error');
    files.push({ path: file.path, status, findings, ...(error && { error }) });
  }
  const [{ checkDocument }, { writeReports }] = await Promise.all([
    import('../report/check-document.ts'),
    import('./check-reports.ts'),
  ]);
  await writeReports(checkDocument(files), [], format, options, context);
}

async function printText(
  inspections: AsyncGenerator<Inspection>,
  options: InspectCommandOptions,
  context: Context,
): Promise<void> {
  const [{ inspectReport, unreadableReport }, { screenFor }] = await Promise.all([
    import('../report/terminal/inspect-report.ts'),
    import('./theme.ts'),
  ]);
  const screen = await screenFor(context, options);
  let before = '';
  for await (const { document, listed, era } of inspections) {
    // stderr has said why; what remains to tell is what the user would meet
    const lines =
      'tensors' in document
        ? inspectReport(document, listed(), { ...options, era }, screen)
        : unreadableReport(document, options, screen);
    const { loading } = document;
    if (!('tensors' in document) && document.findings.length === 0 && !loading) continue;
    await context.stdout.write(before);
    await context.stdout.writeAll(withLineEnds(lines));
    if (loading) {
      const { loadingLines } = await import('../report/terminal/loading-lines.ts');
      await context.stdout.writeAll(withLineEnds(['', ...loadingLines(loading, screen)]));
    }
    before = '\n';
  }
}

function* withLineEnds(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
