import { type Inks, NO_INKS, type Screen, screen } from '../report/terminal/screen.ts';
import type { Context, GlobalOptions } from './context.ts';
import type { OutputStream } from './output.ts';

/** Colour is on for a terminal; FORCE_COLOR, then NO_COLOR (no-color.org) and `--no-color` change that, the last named winning. */
export function wantsColor(
  stream: Pick<OutputStream, 'isTTY'>,
  env: NodeJS.ProcessEnv,
  options: GlobalOptions = {},
): boolean {
  if (options.color === false || env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** Whether the locale lets us draw with more than ASCII. */
export function speaksUnicode(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (locale) return /utf-?8/i.test(locale);
  // macOS is UTF-8 throughout, and so are the terminals of Windows that name themselves; a bare POSIX locale is ASCII
  if (platform === 'win32') return Boolean(env.WT_SESSION || env.TERM_PROGRAM);
  return platform === 'darwin';
}

/** What a report for a person is drawn on. chalk is loaded only where there will be colour. */
export async function screenFor(context: Context, options: GlobalOptions): Promise<Screen> {
  const { stream } = context.stdout;
  const { env } = context;
  return screen({
    width: stream.columns ?? (Number(env.COLUMNS) || undefined),
    height: stream.isTTY ? stream.rows : undefined,
    unicode: speaksUnicode(env),
    inks: wantsColor(stream, env, options) ? await chalkInks() : NO_INKS,
  });
}

async function chalkInks(): Promise<Inks> {
  const { Chalk } = await import('chalk');
  // the sixteen colours that every theme of a terminal defines
  const chalk = new Chalk({ level: 1 });
  return {
    title: chalk.bold,
    faint: chalk.dim,
    number: chalk.cyan,
    good: chalk.green,
    error: chalk.red.bold,
    warning: chalk.yellow,
    info: chalk.blue,
    command: chalk.bold.green,
  };
}
