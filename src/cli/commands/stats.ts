import { type Command, InvalidArgumentError, Option } from 'commander';
import type { StatsOrder } from '../../report/stats-order.ts';
import { type Backend, backendOption } from '../backend-option.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { addHeader, type Headers } from '../headers.ts';

const FORMATS = ['text', 'json', 'csv'] as const;
/** As `STATS_ORDERS`, whose module is loaded only to sort. */
const ORDERS: readonly StatsOrder[] = [
  'file',
  'name',
  'elements',
  'min',
  'max',
  'mean',
  'std',
  'l2Norm',
  'zeros',
  'subnormals',
  'nan',
  'infinite',
  'overflow',
];
const DEFAULT_BINS = 32;
const MOST_BINS = 4096;

/** Options of `stats` as they were given. */
export interface StatsCommandOptions extends GlobalOptions {
  readonly format: (typeof FORMATS)[number];
  readonly filter?: string;
  readonly sort: StatsOrder;
  readonly top?: number;
  readonly sample?: boolean;
  readonly histogram?: number | true;
  readonly header?: Headers;
  readonly backend: Backend;
}

export function define(command: Command, context: Context): void {
  command
    .argument('<file>', 'checkpoint file')
    .addOption(new Option('--format <format>', 'what to print').choices(FORMATS).default('text'))
    .option('--filter <glob>', "only tensors whose dotted name matches: '*.bias', '**.attn.**'")
    .addOption(
      new Option('--sort <column>', 'the largest first; file is the order of the file')
        .choices(ORDERS)
        .default('file'),
    )
    .option('--top <n>', 'only the first n lines', numberUpTo(999_999_999))
    .option('--sample', 'a fast look: at most 1 MiB of each tensor')
    .option(
      '--histogram [bins]',
      `how the numbers spread from min to max (default: ${DEFAULT_BINS} bins)`,
      numberUpTo(MOST_BINS),
    )
    .addOption(backendOption().default('builtin'))
    .option('--header <header>', "sent to the server of a remote file: 'Authorization: Bearer …'", addHeader)
    .action(async (file: string) => {
      const { statsFile } = await import('../stats-file.ts');
      const { histogram, ...options } = command.optsWithGlobals<StatsCommandOptions>();
      const bins = histogram === true ? DEFAULT_BINS : histogram;
      await statsFile(file, { ...options, ...(bins !== undefined && { bins }) }, context);
    });
}

function numberUpTo(most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > most)
      throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
    return value;
  };
}
