import type { SingleBar } from 'cli-progress';
import type { Context, GlobalOptions } from './context.ts';

/** Work below this is over before a bar is read. */
const DELAY_MS = 1000;

/** How far the work is. */
export interface Progress {
  /** `done` in the unit of `total`. */
  update(done: number): void;
  /** Wipes the bar off the screen, so that something else may be written; the next `update` draws it again. */
  clear(): void;
  /** Wipes it for good. */
  stop(): void;
}

const SILENT: Progress = { update() {}, clear() {}, stop() {} };

/**
 * A bar on stderr, for work that takes over a second and a person who watches: only where stderr is a terminal, and not with
 * `--quiet`. The library behind it is loaded when the second has passed.
 */
export function progress(
  label: string,
  total: number,
  context: Context,
  options: GlobalOptions,
  now: () => number = Date.now,
): Progress {
  const { stream } = context.stderr;
  if (!stream.isTTY || options.quiet) return SILENT;
  const started = now();
  let bar: SingleBar | undefined;
  let loading = false;
  let stopped = false;
  let latest = 0;
  const load = async () => {
    const { default: cliProgress } = await import('cli-progress');
    if (stopped) return;
    const single = new cliProgress.SingleBar({
      format: `${label} {bar} {percentage}% {eta_formatted}`,
      stream: stream as NodeJS.WriteStream,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 30,
      stopOnComplete: false,
    });
    single.start(total, latest);
    bar = single;
  };
  return {
    update(done) {
      latest = done;
      bar?.update(done);
      if (bar || loading || now() - started < DELAY_MS) return;
      loading = true;
      // a bar that can't be drawn is no reason to fail the work
      load().catch(() => {});
    },
    clear() {
      if (bar) stream.write('\r\u001b[K', () => {});
    },
    stop() {
      stopped = true;
      bar?.stop();
      bar = undefined;
    },
  };
}
