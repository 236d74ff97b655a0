import { type UndoResult, undoFix } from '../fix/undo.ts';
import { bytesText, counted } from '../report/terminal/numbers.ts';
import { visible } from '../report/terminal/text.ts';
import type { UndoCommandOptions } from './commands/undo.ts';
import type { Context } from './context.ts';
import { tellFailure } from './failure.ts';

/** Takes the last fix in place back and says so; a refusal is one line and exit status 2. */
export async function undoFile(file: string, options: UndoCommandOptions, context: Context): Promise<void> {
  try {
    const result = await undoFix(file, { force: options.force ?? false });
    const lines = options.quiet ? [visible(file)] : undoLines(result);
    await context.stdout.write(`${lines.join('\n')}\n`);
  } catch (error) {
    await tellFailure(error, file, context, options);
  }
}

function undoLines({ file, undone, bytes, removed, left }: UndoResult): string[] {
  const done = {
    fix: `the last fix in place is taken back: ${bytesText(removed)} cut off, ${bytes} bytes as before it`,
    interrupted: `the interrupted fix in place is taken back: ${bytesText(removed)} cut off, ${bytes} bytes as before it`,
    'nothing-written': 'the fix in place was interrupted when the file was whole: nothing had to be cut off',
  }[undone];
  const lines = [`${visible(file)}: ${done}`];
  if (left > 0)
    lines.push(`${counted(left, 'earlier fix', 'earlier fixes')} in place can be taken back, too.`);
  return lines;
}
