import { type Command, Option } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';

export interface RulesCommandOptions extends GlobalOptions {
  readonly format: 'text' | 'json';
}

export function define(command: Command, context: Context): void {
  command
    .addOption(new Option('--format <format>', 'what to print').choices(['text', 'json']).default('text'))
    .action(async () => {
      const { listRules } = await import('../list-rules.ts');
      await listRules(command.optsWithGlobals<RulesCommandOptions>(), context);
    });
}
