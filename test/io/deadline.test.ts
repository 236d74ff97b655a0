import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { checkDeadline, withDeadline } from '../../src/io/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([
  [1, 'the second that --timeout gives a file is over'],
  [30, 'the 30 seconds that --timeout gives a file are over'],
])('ends work that waits after %d s, in one line', async (seconds, words) => {
  const ended = withDeadline(seconds, () => new Promise<never>(() => {})).catch((error) => error);
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  expect(await ended).toMatchObject({ code: 'limit', message: expect.stringContaining(words) });
});

it('is asked by work that does not wait, and by no other work', async () => {
  let told: unknown;
  const busy = async (): Promise<void> => {
    checkDeadline();
    vi.advanceTimersByTime(6000);
    try {
      checkDeadline();
    } catch (error) {
      told = error;
    }
  };
  await withDeadline(5, busy).catch(() => {});
  expect(told).toMatchObject({ code: 'limit', message: expect.stringContaining('the 5 seconds') });
  expect(() => checkDeadline()).not.toThrow();
});
