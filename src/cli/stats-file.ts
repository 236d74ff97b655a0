import { openCheckpoint } from '../formats/open.ts';
import { isRemote, printableAddress } from '../io/address.ts';
import { type FindChange, watchingFiles } from '../io/watched-files.ts';
import { computeStatistics } from '../numeric/statistics.ts';
import { backendEntry } from '../report/backend-entry.ts';
import { type StatsDocument, statsDocument } from '../report/stats-document.ts';
import type { StatsCommandOptions } from './commands/stats.ts';
import type { Context } from './context.ts';
import { tellFailure, tellReason } from './failure.ts';
import { withBar } from './read-payload.ts';
import { startTfjs } from './start-tfjs.ts';

export interface StatsOptions extends Omit<StatsCommandOptions, 'histogram'> {
  /** Number of bins of the histograms; none where it is left out. */
  readonly bins?: number;
}

/** Looks at the numbers of a file and prints what they are like. */
export async function statsFile(given: string, options: StatsOptions, context: Context): Promise<void> {
  // an address may hold a token, and goes into reports
  const file = isRemote(given) ? printableAddress(given) : given;
  try {
    const { document, among } = await watchingFiles((findChange) =>
      documentOf(given, options, context, findChange),
    );
    await print(document, { ...options, among }, context);
    if (document.error) await tellReason(document.error.message, file, context);
  } catch (error) {
    await tellFailure(error, file, context, options);
  }
}

interface Looked {
  readonly document: StatsDocument;
  /** Tensors of the file, of which a filter leaves some. */
  readonly among: number;
}

async function documentOf(
  file: string,
  options: StatsOptions,
  context: Context,
  findChange: FindChange,
): Promise<Looked> {
  const { bins, sample = false, header, filter } = options;
  const tfjs = options.backend === 'tfjs' ? await startTfjs(context) : undefined;
  const checkpoint = await openCheckpoint(file, header ? { headers: header } : {});
  try {
    const matches = filter === undefined ? () => true : await compileFilter(filter);
    const tensors = checkpoint.tensors.filter(({ name }) => matches(name));
    const statistics = await withBar(context, options, (onProgress) =>
      computeStatistics(tensors, {
        sample,
        ...(bins !== undefined && { bins }),
        kernels: tfjs?.kernels,
        onProgress,
      }),
    );
    const change = await findChange();
    const read = change ? { ...checkpoint, damage: [change, ...checkpoint.damage] } : checkpoint;
    const document = statsDocument(read, statistics, tfjs && backendEntry(tfjs));
    return { document, among: checkpoint.tensors.length };
  } finally {
    await checkpoint.close();
  }
}

async function compileFilter(glob: string) {
  const { compileNameGlobs } = await import('../checkpoint/name-glob.ts');
  return compileNameGlobs([glob]);
}

async function print(
  document: StatsDocument,
  options: StatsOptions & Pick<Looked, 'among'>,
  context: Context,
): Promise<void> {
  const { sortStats } = await import('../report/stats-order.ts');
  const sorted = sortStats(document.tensors, options.sort);
  const tensors = options.top === undefined ? sorted : sorted.slice(0, options.top);
  const shown = { ...document, tensors };
  if (options.format === 'json') {
    const { statsJson } = await import('../report/json.ts');
    await context.stdout.writeAll(statsJson(shown));
  } else if (options.format === 'csv') {
    const { statsCsv } = await import('../report/stats-csv.ts');
    await context.stdout.writeAll(statsCsv(shown));
  } else {
    const [{ statsReport }, { screenFor }] = await Promise.all([
      import('../report/terminal/stats-report.ts'),
      import('./theme.ts'),
    ]);
    const omitted = sorted.length - tensors.length;
    const lines = statsReport(shown, { ...options, omitted }, await screenFor(context, options));
    await context.stdout.writeAll(withLineEnds(lines));
  }
}

function* withLineEnds(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
