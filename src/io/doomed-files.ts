import { unlinkSync } from 'node:fs';

/**
 * Files that must not outlive this process: temporary outputs that were not published yet. While there are any, the
 * signals that end a process end it only after the files are gone; with none, no listener of ours is in place.
 */
const doomed = new Set<string>();

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function doom(path: string): void {
  if (doomed.size === 0) {
    process.on('exit', removeAll);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  doomed.add(path);
}

export function spare(path: string): void {
  doomed.delete(path);
  if (doomed.size > 0) return;
  process.off('exit', removeAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function removeAll(): void {
  for (const path of doomed) {
    try {
      unlinkSync(path);
    } catch {
      // Gone already, or the folder went away: there is nothing left to do for a process that ends.
    }
  }
}

function onSignal(signal: NodeJS.Signals): void {
  removeAll();
  for (const path of doomed) spare(path);
  // Whoever else listens decides how the process goes on. Alone, we let the signal do what it does by default.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
