import { parseBytes } from '../diagnose/amounts.ts';
import { type FixOptions, fixCheckpoint } from '../fix/fix.ts';
import { isRemote } from '../io/address.ts';
import { RefusedError } from '../io/errors.ts';
import { fixDocument } from '../report/fix-document.ts';
import type { FixCommandOptions } from './commands/fix.ts';
import type { Context } from './context.ts';
import { tellFailure } from './failure.ts';
import { type Progress, progress } from './progress.ts';

/** Writes a healed copy and prints what was done; a refusal is one line and exit status 2. */
export async function fixFile(file: string, options: FixCommandOptions, context: Context): Promise<void> {
  let bar: Progress | undefined;
  try {
    if (file === '-' || isRemote(file)) {
      const how = file === '-' ? 'save it to a file first' : 'download it first';
      throw new RefusedError(`a fix needs a file that it can read from end to end; ${how}`);
    }
    const result = await fixCheckpoint(file, {
      ...fixOptions(options),
      onProgress(written, total) {
        bar ??= progress('writing', total, context, options);
        bar.update(written);
      },
    });
    bar?.stop();
    for (const key of result.corrupted) {
      await context.stderr.write(
        `ckpt-doctor: warning: data/${key} does not match its CRC-32: it was damaged after it was saved, and was copied as it is\n`,
      );
    }
    const document = fixDocument(result, options);
    if (options.format === 'json') {
      await context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    } else {
      const [{ fixReport }, { screenFor }] = await Promise.all([
        import('../report/terminal/fix-report.ts'),
        import('./theme.ts'),
      ]);
      const lines = fixReport(result, options, await screenFor(context, options));
      await context.stdout.write(`${lines.join('\n')}\n`);
    }
  } catch (error) {
    bar?.stop();
    await tellFailure(error, file, context, options);
  }
}

/** As the library calls them. */
function fixOptions({ stripModule, stripPrefix, shardSize, ...options }: FixCommandOptions): FixOptions {
  return {
    ...options,
    stripPrefixes: [...(stripModule ? ['module.'] : []), ...(stripPrefix ?? [])],
    ...(shardSize !== undefined && { shardSize: sizeOf(shardSize) }),
  };
}

function sizeOf(text: string): number {
  const bytes = parseBytes(text);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new RefusedError(`--shard-size '${text}': expected a number of bytes, or a text like 5GB or 500MB`);
}
