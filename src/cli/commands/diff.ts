import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Backend, backendOption } from '../backend-option.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { addHeader, type Headers } from '../headers.ts';

/** Options of `diff` as they were given. */
export interface DiffCommandOptions extends GlobalOptions {
  readonly format: 'text' | 'json' | 'markdown';
  readonly values?: boolean;
  readonly tolerance?: number;
  readonly backend?: Backend;
  readonly filter?: string;
  readonly ignorePrefix?: readonly string[];
  readonly all?: boolean;
  readonly header?: Headers;
}

export function define(command: Command, context: Context): void {
  command
    .argument('<a>', 'checkpoint before')
    .argument('<b>', 'checkpoint after; it may be of another format')
    .addOption(
      new Option('--format <format>', 'what to print').choices(['text', 'json', 'markdown']).default('text'),
    )
    .option('--values', 'compare the elements too, which reads both files')
    .option('--tolerance <n>', 'numbers this close are the same (with --values)', distance)
    .addOption(backendOption(' (with --values)'))
    .option('--filter <glob>', "only tensors whose dotted name matches: '*.bias', '**.attn.**'")
    .option(
      '--ignore-prefix <prefix>',
      'take it off names before they are compared (repeatable)',
      (value: string, before: readonly string[] = []) => [...before, value],
    )
    .option('--all', 'lists in full')
    .option('--header <header>', "sent to the server of a remote file: 'Authorization: Bearer …'", addHeader)
    .action(async (a: string, b: string) => {
      const { diffFiles } = await import('../diff-files.ts');
      await diffFiles(a, b, command.optsWithGlobals<DiffCommandOptions>(), context);
    });
}

function distance(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('It must be a number, 0 or more.');
  return value;
}
