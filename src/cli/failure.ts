import { isKnownError, UnreadableError } from '../io/errors.ts';
import { defectWords } from '../report/failure-entry.ts';
import { visible } from '../report/terminal/text.ts';
import type { Context, GlobalOptions } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { OutputClosed, OutputFailed } from './output.ts';

/**
 * Tells on stderr, in one line, why a file or a run failed, and sets the exit code: `ckpt-doctor: model.pth: no such file`.
 * What is not an error of ours to expect is called a defect. A stack is shown for `--debug` only.
 */
export async function tellFailure(
  error: unknown,
  file: string | undefined,
  context: Context,
  options: GlobalOptions,
): Promise<void> {
  if (error instanceof OutputClosed) throw error;
  await tellReason(reasonOf(error), file, context);
  if (options.debug && error instanceof Error) await context.stderr.write(`${error.stack ?? ''}\n`);
}

/** The line itself, for what is known without an error being thrown. */
export async function tellReason(reason: string, file: string | undefined, context: Context): Promise<void> {
  context.raise(EXIT.failed);
  const place = file === undefined ? '' : `${visible(file)}: `;
  await context.stderr.write(`ckpt-doctor: ${place}${visible(reason)}\n`);
}

/** One line that says what happened. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UnreadableError && error.offset && !/\boffset\b/.test(message)) {
    return `${message} (at offset ${error.offset})`;
  }
  if (isKnownError(error)) return message;
  if (error instanceof OutputFailed) return message;
  return defectWords(message);
}
