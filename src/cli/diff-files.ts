import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { NameMatcher } from '../checkpoint/name-glob.ts';
import { type CompareOptions, compareCheckpoints } from '../compare/compare.ts';
import type { Comparison } from '../compare/comparison.ts';
import { openCheckpoint } from '../formats/open.ts';
import { isRemote, printableAddress } from '../io/address.ts';
import { RefusedError } from '../io/errors.ts';
import { watchingFiles } from '../io/watched-files.ts';
import { backendEntry } from '../report/backend-entry.ts';
import { type DiffDocument, diffDocument } from '../report/diff-document.ts';
import type { DiffCommandOptions } from './commands/diff.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { tellFailure, tellReason } from './failure.ts';
import { type Progress, progress } from './progress.ts';
import { startTfjs } from './start-tfjs.ts';

/** Compares two checkpoints and prints what differs: exit status 1 where anything does, 2 where one can't be read. */
export async function diffFiles(
  a: string,
  b: string,
  options: DiffCommandOptions,
  context: Context,
): Promise<void> {
  // an address may hold a token, and goes into reports
  const names = [a, b].map((file) => (isRemote(file) ? printableAddress(file) : file));
  const open: Checkpoint[] = [];
  try {
    if (options.tolerance !== undefined && !options.values)
      throw new RefusedError('--tolerance is about numbers; give --values with it');
    if (options.backend !== undefined && !options.values)
      throw new RefusedError('--backend is about what computes with numbers; give --values with it');
    const tfjs = options.backend === 'tfjs' ? await startTfjs(context) : undefined;
    const document = await watchingFiles(async (findChange) => {
      for (const file of [a, b])
        open.push(await openCheckpoint(file, options.header ? { headers: options.header } : {}));
      const [left, right] = open as [Checkpoint, Checkpoint];
      const comparison = await compare(left, right, { ...options, pairKernel: tfjs?.pairKernel }, context);
      const change = await findChange();
      if (change) throw change;
      return diffDocument(comparison, tfjs && backendEntry(tfjs));
    });
    if (!document.same) context.raise(EXIT.findings);
    await print(document, options, context);
    for (const { damage, path } of open) if (damage[0]) await tellReason(damage[0].message, path, context);
  } catch (error) {
    // while elements are read it may be either; the message says which
    const name = open.length < 2 ? names[open.length] : names.join(', ');
    await tellFailure(error, error instanceof RefusedError ? undefined : name, context, options);
  } finally {
    await Promise.all(open.map((checkpoint) => checkpoint.close()));
  }
}

async function compare(
  a: Checkpoint,
  b: Checkpoint,
  options: DiffCommandOptions & Pick<CompareOptions, 'pairKernel'>,
  context: Context,
): Promise<Comparison> {
  const { values = false, tolerance = 0, filter, ignorePrefix: ignorePrefixes = [], pairKernel } = options;
  let bar: Progress | undefined;
  try {
    return await compareCheckpoints(a, b, {
      values,
      tolerance,
      ignorePrefixes,
      pairKernel,
      ...(filter !== undefined && { filter: await compileFilter(filter) }),
      onProgress(read, total) {
        bar ??= progress('comparing', total, context, options);
        bar.update(read);
      },
    });
  } finally {
    bar?.stop();
  }
}

async function compileFilter(glob: string): Promise<NameMatcher> {
  const { compileNameGlobs } = await import('../checkpoint/name-glob.ts');
  return compileNameGlobs([glob]);
}

async function print(document: DiffDocument, options: DiffCommandOptions, context: Context): Promise<void> {
  if (options.format === 'json') {
    await context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return;
  }
  if (options.format === 'markdown') {
    const { diffMarkdown } = await import('../report/diff-markdown.ts');
    await context.stdout.write(diffMarkdown(document));
    return;
  }
  const [{ diffReport }, { screenFor }] = await Promise.all([
    import('../report/terminal/diff-report.ts'),
    import('./theme.ts'),
  ]);
  const lines = diffReport(document, options, await screenFor(context, options));
  await context.stdout.writeAll(withLineEnds(lines));
}

function* withLineEnds(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
