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
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * Measures several cases side by side: round after round, so that a slow spell of the machine hits all of them alike.
 * A case is a function that does one run and returns `{ seconds, megabytes }`.
 */
export function sideBySide(cases, rounds) {
  const runs = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(cases)) {
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
