import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';

export function define(command: Command, context: Context): void {
  command
    .argument(
      '<rule-or-text...>',
      'a rule (keys/module-prefix), or the text of an error, best in single quotes',
    )
    .action(async (words: string[]) => {
      const { explain } = await import('../explain.ts');
      await explain(words.join(' '), command.optsWithGlobals<GlobalOptions>(), context);
    });
}
