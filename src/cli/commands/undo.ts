import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';

/** Options of `undo` as they were given. */
export interface UndoCommandOptions extends GlobalOptions {
  readonly force?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument('<file>', 'checkpoint file that was fixed in place')
    .option('--force', 'take a run on another machine, which is named as being at the file, for dead')
    .action(async (file: string) => {
      const { undoFile } = await import('../undo-file.ts');
      await undoFile(file, command.optsWithGlobals<UndoCommandOptions>(), context);
    });
}
