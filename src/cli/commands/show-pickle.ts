import { type Command, Option } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';

const FORMATS = ['text', 'json'] as const;

/** Options of `show-pickle` as they were given. */
export interface ShowPickleOptions extends GlobalOptions {
  readonly format: (typeof FORMATS)[number];
  readonly values?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument('<file>', 'a checkpoint, or a pickle by itself')
    .argument('[record]', 'a record of a zip archive (default: data.pkl)')
    .addOption(new Option('--format <format>', 'what to print').choices(FORMATS).default('text'))
    .option('--values', 'what the pickle describes, as Python would write it, instead of opcodes')
    .action(async (file: string, record: string | undefined) => {
      const { showPickle } = await import('../show-pickle.ts');
      await showPickle(file, record, command.optsWithGlobals<ShowPickleOptions>(), context);
    });
}
