import { AsyncLocalStorage } from 'node:async_hooks';
import { UnreadableError } from './errors.ts';

interface Deadline {
  /** By `performance.now()`. */
  readonly at: number;
  readonly seconds: number;
}

const deadlines = new AsyncLocalStorage<Deadline>();

/**
 * Runs the work on one file against the clock. Long loops ask `checkDeadline` between their steps, so the time is up to a step late.
 * @throws UnreadableError `limit` where the time is up before the work is done, also where it waits for bytes that never come.
 */
export async function withDeadline<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  const deadline = { at: performance.now() + seconds * 1000, seconds };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timeIsUp(deadline)), seconds * 1000);
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

function timeIsUp({ seconds }: Deadline): UnreadableError {
  return new UnreadableError(
    'limit',
    `could not decide: the ${seconds} seconds that --timeout gives a file are over; give it more, or look at the file elsewhere`,
    undefined,
    'limit/exhausted',
  );
}
