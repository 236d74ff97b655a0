import { describe, expect, it } from 'vitest';
import { verdictOf } from './fuzz/verdict.ts';
import { PLAINLY, TRICKS } from './support/hostile-tricks.ts';

describe('tricks', () => {
  it.each(TRICKS)('%s', async (_name, make, verdict) => {
    expect((await verdictOf(make(PLAINLY))).verdict).toBe(verdict);
  });
});
