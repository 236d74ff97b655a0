import { AsyncLocalStorage } from 'node:async_hooks';
import { UnreadableError } from './errors.ts';

interface Deadline {
  /** By `performance.now()`. */
  readonly at: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

const deadlines = new AsyncLocalStorage<Deadline>();

/**
 * Runs the work on one file against the clock. Long loops ask `checkDeadline` between their steps, so the time is up to a step late.
 * @throws UnreadableError `limit` where the time is up before the work is done, also where it waits for bytes that never come.
 */
export async function withDeadline<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const deadline = { at: performance.now() + seconds * 1000, seconds, signal: abort.signal };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(timeIsUp(deadline));
      abort.abort();
    }, seconds * 1000);
  });
  try {
    return await Promise.race([deadlines.run(deadline, work), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws UnreadableError `limit` where the work that this call belongs to has had its time. */
export function checkDeadline(): void {
  const deadline = deadlines.getStore();
  if (deadline && performance.now() > deadline.at) throw timeIsUp(deadline);
}

/** What tells requests that the time is up; none where there is no deadline. */
export function deadlineSignal(): AbortSignal[] {
  const deadline = deadlines.getStore();
  return deadline ? [deadline.signal] : [];
}

function timeIsUp({ seconds }: Pick<Deadline, 'seconds'>): UnreadableError {
  return new UnreadableError(
    'limit',
    `could not decide: the ${seconds === 1 ? 'second that --timeout gives a file is' : `${seconds} seconds that --timeout gives a file are`} over; give it more, or look at the file elsewhere`,
    undefined,
    'limit/exhausted',
  );
}
