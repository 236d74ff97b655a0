import type { Command } from 'commander';
import type { Context } from './context.ts';

/**
 * Adds arguments, options and the action of a command. What the action needs it imports when it runs: the options of a
 * command must be cheap to learn.
 */
export type DefineCommand = (command: Command, context: Context) => void;

/** A command as the help lists it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: DefineCommand }>;
}

/** Every command, in the order of the help. Its module is loaded only when it is called. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'inspect',
    summary: 'what is inside, and what is wrong',
    load: () => import('./commands/inspect.ts'),
  },
  {
    name: 'check',
    summary: 'the gate: files, folders and globs against a policy',
    load: () => import('./commands/check.ts'),
  },
  {
    name: 'fix',
    summary: 'write a healed copy, or heal in place',
    load: () => import('./commands/fix.ts'),
  },
  {
    name: 'undo',
    summary: 'take the last in-place fix back',
    load: () => import('./commands/undo.ts'),
  },
  {
    name: 'diff',
    summary: 'what differs between two checkpoints',
    load: () => import('./commands/diff.ts'),
  },
  {
    name: 'report',
    summary: 'a page to look at: where the bytes are, what is wrong, every tensor',
    load: () => import('./commands/report.ts'),
  },
  {
    name: 'explain',
    summary: 'the page of a rule, or the rule that a pasted error text belongs to',
    load: () => import('./commands/explain.ts'),
  },
  {
    name: 'rules',
    summary: 'every rule, with a few words',
    load: () => import('./commands/rules.ts'),
  },
  {
    name: 'completion',
    summary: 'a script that completes this command line in your shell',
    load: () => import('./commands/completion.ts'),
  },
];

/** What every command takes, before its name and behind it. */
export const GLOBAL_OPTIONS: readonly (readonly [flags: string, description: string])[] = [
  ['-q, --quiet', 'only what is essential'],
  ['-v, --verbose', 'more than most people need'],
  ['--no-color', 'no colours, as with NO_COLOR'],
  ['--debug', 'show the stack of an error'],
];
