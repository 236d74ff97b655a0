import { Command, CommanderError } from 'commander';
import { visible } from '../report/terminal/text.ts';
import { Context, type GlobalOptions } from './context.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { tellFailure } from './failure.ts';
import { OutputClosed, type OutputStream } from './output.ts';
import { packageVersion } from './version.ts';

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
    name: 'stats',
    summary: 'what the numbers are like: range, mean, NaN and Inf, casts, histograms',
    load: () => import('./commands/stats.ts'),
  },
  {
    name: 'show-pickle',
    summary: 'the pickle of a file, opcode by opcode or as values, never executed',
    load: () => import('./commands/show-pickle.ts'),
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

/** The part of `process` that a run uses. */
export interface World {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs one command line (without node and script) to its end, and gives its exit code. Nothing is thrown. */
export async function runProgram(args: readonly string[], world: World): Promise<ExitCode> {
  const context = new Context(world);
  const options: GlobalOptions = { debug: args.includes('--debug') };
  try {
    await runCommand(args, context);
  } catch (error) {
    // nobody reads what we write: the exit code alone is left
    if (!(error instanceof OutputClosed)) {
      await tellFailure(error, undefined, context, options).catch(() => {});
    }
  }
  return context.exitCode;
}

async function runCommand(args: readonly string[], context: Context): Promise<void> {
  // commander writes on the spot and can't wait for a slow reader, so its texts are kept until it is done
  let text = '';
  const program = await buildProgram(args, context, (part) => {
    text += part;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) await context.stdout.write(text);
    else await tellUsage(error, program, context);
  }
}

async function buildProgram(
  args: readonly string[],
  context: Context,
  write: (text: string) => void,
): Promise<Command> {
  const program = new Command('ckpt-doctor')
    .description('Doctor for PyTorch checkpoints: says what is in a file and what is wrong, and heals it.')
    .usage('<command> [options]')
    .version(args.includes('--version') ? packageVersion() : '', '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: write, writeErr: () => {} })
    .configureHelp({ showGlobalOptions: true });
  for (const [flags, description] of GLOBAL_OPTIONS) program.option(flags, description);
  const called = args.find((arg) => !arg.startsWith('-'));
  const wantsHelp = called === 'help';
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).summary(summary).description(summary);
    if (name === called || wantsHelp) (await load()).define(command, context);
  }
  return program;
}

/** One line for what is wrong with the command line, and where help is. */
async function tellUsage(error: CommanderError, program: Command, context: Context): Promise<void> {
  context.raise(EXIT.failed);
  if (error.code === 'commander.help') {
    await context.stderr.write(`ckpt-doctor: no command was given\n\n${program.helpInformation()}`);
    return;
  }
  const message = error.message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '');
  await context.stderr.write(`ckpt-doctor: ${visible(message)}; see ckpt-doctor --help\n`);
}
