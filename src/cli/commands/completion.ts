import { Argument, type Command } from 'commander';
import type { Context } from '../context.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function define(command: Command, context: Context): void {
  command
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .action(async (shell: Shell) => {
      const { printCompletion } = await import('../completion.ts');
      await printCompletion(shell, context);
    });
}
