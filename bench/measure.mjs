import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const TIME = '/usr/bin/time';
/** Memory that is left alone when all that is free is taken for a moment. */
const LEFT_MIB = 700;

/** Runs a command once: wall seconds, and peak memory in MB where GNU time is there to tell. */
export function once(command, env = process.env) {
  const timed = existsSync(TIME);
  const [program, ...args] = timed ? [TIME, '-f', '%M', ...command] : command;
  const start = process.hrtime.bigint();
  const run = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30, env });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (run.status !== 0) throw new Error(`${command.join(' ')}: exit ${run.status}: ${run.stderr}`);
  return { seconds, megabytes: timed ? Number(run.stderr.trim().split('\n').at(-1)) / 1000 : Number.NaN };
}

/**
 * Takes all free memory for a moment. A virtual machine lends the pages of a deleted file to its host, and to take them back costs as
 * much time as a copy does: whichever command came first would pay for both. Linux alone tells how much is free.
 */
export function warmMemory() {
  if (!existsSync('/proc/meminfo')) return;
  const free = Number(/^MemFree:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) / 1024;
  const take = `const held = []; for (let i = 0; i < ${Math.floor((free - LEFT_MIB) / 64)}; i++) held.push(Buffer.allocUnsafeSlow(2 ** 26).fill(1));`;
  spawnSync(process.execPath, ['-e', take]);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/**
 * Measures several cases side by side: round after round, so that a slow spell of the machine hits all of them alike, and every other
 * round in reverse, so that none always follows the same other.
 * A case is a function that does one run and returns `{ seconds, megabytes }`.
 * @param before Runs before each of them, untimed.
 */
export function sideBySide(cases, rounds, before = () => {}) {
  const runs = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  const even = rounds + (rounds % 2);
  for (let round = 0; round <= even; round++) {
    const order = Object.entries(cases);
    for (const [name, run] of round % 2 ? order : order.reverse()) {
      before();
      const result = run();
      // the first round fills caches
      if (round > 0) runs[name].push(result);
    }
  }
  return Object.fromEntries(
    Object.entries(runs).map(([name, results]) => [
      name,
      {
        seconds: median(results.map((result) => result.seconds)),
        megabytes: Math.max(...results.map((result) => result.megabytes)),
      },
    ]),
  );
}
