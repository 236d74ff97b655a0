import { describe, expect, it } from 'vitest';
import { Context } from '../../src/cli/context.ts';
import { progress } from '../../src/cli/progress.ts';
import { MemoryStream } from './run.ts';

function watched(isTTY: boolean, quiet = false) {
  const stderr = new MemoryStream();
  stderr.isTTY = isTTY;
  // what cli-progress asks of a terminal beyond writing
  Object.assign(stderr, { cursorTo() {}, moveCursor() {}, clearLine() {} });
  let time = 0;
  const context = new Context({ stdout: new MemoryStream(), stderr, env: {} });
  const bar = progress('writing', 10, context, { quiet }, () => time);
  const at = async (ms: number, done: number) => {
    time = ms;
    bar.update(done);
    await import('cli-progress');
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { bar, stderr, at };
}

describe('progress', () => {
  it('stays silent below a second, then draws a bar', async () => {
    const { bar, stderr, at } = watched(true);
    await at(999, 3);
    expect(stderr.text).toBe('');
    await at(1000, 4);
    expect(stderr.text).toContain('writing');
    expect(stderr.text).toContain('40%');
    bar.stop();
  });

  it('never draws where nobody watches, or where quiet is asked for', async () => {
    for (const { bar, stderr, at } of [watched(false), watched(true, true)]) {
      await at(5000, 4);
      await at(6000, 5);
      bar.clear();
      bar.stop();
      expect(stderr.text).toBe('');
    }
  });
});
