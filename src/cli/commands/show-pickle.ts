import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';

/** Options of `show-pickle` as they were given. */
export interface ShowPickleOptions extends GlobalOptions {
  readonly values?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument('<file>', 'a checkpoint, or a pickle by itself')
    .argument('[record]', 'a record of a zip archive (default: data.pkl)')
    .option('--values', 'what the pickle describes, as Python would write it, instead of opcodes')
    .action(async (file: string, record: string | undefined) => {
      const { showPickle } = await import('../show-pickle.ts');
      await showPickle(file, record, command.optsWithGlobals<ShowPickleOptions>(), context);
    });
}
