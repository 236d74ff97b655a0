import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const TIME = '/usr/bin/time';

/** Runs a command once: wall seconds, and peak memory in MB where GNU time is there to tell. */
export function once(command) {
  const timed = existsSync(TIME);
  const [program, ...args] = timed ? [TIME, '-f', '%M', ...command] : command;
  const start = process.hrtime.bigint();
  const run = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (run.status !== 0) throw new Error(`${command.join(' ')}: exit ${run.status}: ${run.stderr}`);
  return { seconds, megabytes: timed ? Number(run.stderr.trim().split('\n').at(-1)) / 1000 : Number.NaN };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/**
 * Measures several cases side by side: round after round, so that a slow spell of the machine hits all of them alike, and every other
 * round in reverse. A virtual machine lends the pages of a deleted file to its host, so that each other copy of some gigabytes takes
 * twice as long as the one before it: in a fixed order of two, one of them would always be that one.
 * A case is a function that does one run and returns `{ seconds, megabytes }`.
 */
export function sideBySide(cases, rounds) {
  const runs = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  const even = rounds + (rounds % 2);
  for (let round = 0; round <= even; round++) {
    const order = Object.entries(cases);
    for (const [name, run] of round % 2 ? order : order.reverse()) {
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
