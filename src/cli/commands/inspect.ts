import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { seconds } from '../duration.ts';
import { SEVERITIES } from '../exit-codes.ts';
import { addHeader, type Headers } from '../headers.ts';

const FORMATS = ['text', 'json', 'sarif', 'markdown'] as const;

/** Options of `inspect` as they were given. */
export interface InspectCommandOptions extends GlobalOptions {
  readonly format: (typeof FORMATS)[number];
  readonly emitKeys?: boolean;
  readonly header?: Headers;
  readonly all?: boolean;
  readonly depth?: number;
  readonly filter?: string;
  readonly allSubjects?: boolean;
  readonly explainGlobals?: boolean;
  readonly verifyCrc?: boolean;
  readonly values?: boolean;
  /** Seconds for one file. */
  readonly timeout?: number;
  readonly failOn?: (typeof SEVERITIES)[number];
}

export function define(command: Command, context: Context): void {
  command
    .argument('<file...>', 'checkpoint files')
    .addOption(new Option('--format <format>', 'what to print').choices(FORMATS).default('text'))
    .option('--all', 'every tensor and value, nothing folded')
    .option('--depth <n>', 'levels of the tree to open', wholeNumber)
    .option('--filter <glob>', "only tensors whose dotted name matches: '*.bias', '**.attn.**'")
    .option('--all-subjects', 'every tensor that a finding is about')
    .option('--explain-globals', 'what loading would import and run: names, tiers, places, in order')
    .option('--header <header>', "sent to the server of a remote file: 'Authorization: Bearer …'", addHeader)
    .option('--timeout <seconds>', 'give up on a file after this time (exit 2)', seconds)
    .option('--verify-crc', 'read the whole file and hold every record against its checksum')
    .option(
      '--values',
      '--verify-crc, and look at every number: NaN, Inf, zeros, copies, what a cast would lose',
    )
    .option('--emit-keys', 'only the keys of the model, for check --expect')
    .addOption(new Option('--fail-on <severity>', 'exit 1 for such findings, or graver').choices(SEVERITIES))
    .action(async (files: string[]) => {
      const options = command.optsWithGlobals<InspectCommandOptions>();
      if (options.emitKeys) {
        const { emitKeys } = await import('../emit-keys.ts');
        await emitKeys(files, options, context);
        return;
      }
      const { inspectFiles } = await import('../inspect-files.ts');
      await inspectFiles(files, options, context);
    });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
