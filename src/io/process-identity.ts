import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, told apart from a later one of the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Machine and, where there is such a thing, the space that process numbers count in: a container has its own. */
  readonly place: string;
  /** When it was started, by a clock that no other process shares; empty where the system does not tell. */
  readonly started: string;
}

export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, place: thisPlace(), started: startOf(process.pid) ?? '' };
}

/** Whether a process is still at work; `unknown` where that can't be seen from here. */
export function lifeOf({ pid, place, started }: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (place !== thisPlace()) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    // any other answer says that there is one, but not ours to signal
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const now = startOf(pid);
  return started === '' || now === undefined || now === started ? 'alive' : 'dead';
}

function thisPlace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/**
 * Boot and tick at which a process was started, as Linux tells them: numbers of processes are used again, that pair is not. `ended`
 * for one that is over and only waits for its parent to notice; undefined where the system has no such file.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    // the name in parentheses may hold anything, so fields are counted behind its end
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 'ZX'.includes(fields[0] as string) ? 'ended' : `${boot}/${fields[19]}`;
  } catch {
    return undefined;
  }
}
