import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { SEVERITIES } from '../exit-codes.ts';

/** Options of `inspect` as they were given. */
export interface InspectCommandOptions extends GlobalOptions {
  readonly format: 'text' | 'json';
  readonly all?: boolean;
  readonly depth?: number;
  readonly filter?: string;
  readonly allSubjects?: boolean;
  readonly verifyCrc?: boolean;
  readonly failOn?: (typeof SEVERITIES)[number];
}

export function define(command: Command, context: Context): void {
  command
    .argument('<file...>', 'checkpoint files')
    .addOption(new Option('--format <format>', 'what to print').choices(['text', 'json']).default('text'))
    .option('--all', 'every tensor and value, nothing folded')
    .option('--depth <n>', 'levels of the tree to open', wholeNumber)
    .option('--filter <glob>', "only tensors whose dotted name matches: '*.bias', '**.attn.**'")
    .option('--all-subjects', 'every tensor that a finding is about')
    .option('--verify-crc', 'read the whole file and hold every record against its checksum')
    .addOption(new Option('--fail-on <severity>', 'exit 1 for such findings, or graver').choices(SEVERITIES))
    .action(async (files: string[]) => {
      const { inspectFiles } = await import('../inspect-files.ts');
      await inspectFiles(files, command.optsWithGlobals<InspectCommandOptions>(), context);
    });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
