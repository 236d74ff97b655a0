import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { addHeader, type Headers } from '../headers.ts';

/** Options of `report` as they were given. */
export interface ReportCommandOptions extends GlobalOptions {
  readonly output: string;
  readonly values?: boolean;
  readonly sample?: boolean;
  readonly header?: Headers;
}

export function define(command: Command, context: Context): void {
  command
    .argument('<file>', 'checkpoint file')
    .requiredOption('-o, --output <file>', "the page to write; '-' for standard output")
    .option('--values', 'look at every number: histograms, a plot of the layers, and what is wrong with them')
    .option('--sample', 'the same from at most 1 MiB of each tensor, without the findings')
    .option('--header <header>', "sent to the server of a remote file: 'Authorization: Bearer …'", addHeader)
    .action(async (file: string) => {
      const { reportFile } = await import('../report-file.ts');
      await reportFile(file, command.optsWithGlobals<ReportCommandOptions>(), context);
    });
}
