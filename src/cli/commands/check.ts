import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { seconds } from '../duration.ts';
import { SEVERITIES } from '../exit-codes.ts';
import { addHeader, type Headers } from '../headers.ts';
import { CHECK_FORMATS, type CheckFormat, parseReportTarget, type ReportTarget } from '../report-target.ts';

const PRESET_NAMES = ['recommended', 'strict', 'cpu-serving', 'release'] as const;

/** Options of `check` as they were given. */
export interface CheckCommandOptions extends GlobalOptions {
  readonly format: CheckFormat;
  readonly output?: readonly ReportTarget[];
  /** False for `--no-config`. */
  readonly config?: string | boolean;
  readonly preset?: readonly (typeof PRESET_NAMES)[number][];
  readonly failOn?: (typeof SEVERITIES)[number];
  readonly maxWarnings?: number;
  readonly expect?: string;
  readonly baseline?: string;
  readonly updateBaseline?: boolean;
  readonly verifyCrc?: boolean;
  readonly values?: boolean;
  /** Seconds for one file. */
  readonly timeout?: number;
  readonly header?: Headers;
  readonly allSubjects?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument('[path...]', 'files, folders and globs (default: files of the configuration)')
    .addOption(new Option('--format <format>', 'what to print').choices(CHECK_FORMATS).default('text'))
    .option(
      '-o, --output <[format=]file>',
      'write a report to a file too (repeatable): out.sarif, junit=out.xml',
      (value: string, before: readonly ReportTarget[] = []) => [...before, parseReportTarget(value)],
    )
    .option('--config <file>', 'the policy (default: ckpt-doctor.config.json, or package.json)')
    .option('--no-config', 'no policy but what is asked here')
    .addOption(
      new Option('--preset <name>', 'a policy to begin with (repeatable)')
        .choices(PRESET_NAMES)
        .argParser(presets),
    )
    .addOption(new Option('--fail-on <severity>', 'what fails a file (default: error)').choices(SEVERITIES))
    .option('--max-warnings <n>', 'more warnings than these in all fail the run', wholeNumber)
    .option('--expect <keys.json>', 'names, shapes and dtypes of the model (inspect --emit-keys)')
    .option('--baseline <file>', 'findings that are accepted')
    .option('--update-baseline', 'accept what is found now')
    .option('--header <header>', "sent to the server of a remote file: 'Authorization: Bearer …'", addHeader)
    .option('--timeout <seconds>', 'give up on a file after this time (exit 2)', seconds)
    .option('--verify-crc', 'read every byte and hold it against the checksums')
    .option(
      '--values',
      '--verify-crc, and look at every number: NaN, Inf, zeros, copies, what a cast would lose',
    )
    .option('--all-subjects', 'every tensor that a finding is about')
    .action(async (paths: string[]) => {
      const { runCheck } = await import('../run-check.ts');
      await runCheck(paths, command.optsWithGlobals<CheckCommandOptions>(), context);
    });
}

function presets(
  value: string,
  before: readonly string[] | undefined,
): readonly (typeof PRESET_NAMES)[number][] {
  const name = PRESET_NAMES.find((each) => each === value);
  if (!name) throw new InvalidArgumentError(`Allowed choices are ${PRESET_NAMES.join(', ')}.`);
  return [...((before ?? []) as (typeof PRESET_NAMES)[number][]), name];
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
