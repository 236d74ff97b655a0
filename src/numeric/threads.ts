import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { UnreadableError } from '../io/errors.ts';
import type { ThreadAnswer } from './scan-thread.ts';
import type { ScanWork } from './scan-work.ts';
import type { SummaryResult } from './summarizer.ts';

/** More read no faster from one disk, and each takes some 15 MB. */
const MOST_THREADS = 7;
/** A thread takes some hundredths of a second to start: below this it is not worth it. */
const BYTES_WORTH_A_THREAD = 48 * 2 ** 20;

/** How many threads are worth their start for so many bytes, beside the one that asks. */
export function threadsFor(bytes: number): number {
  // sources that are run without a build have no file that a thread could load
  if (import.meta.url.endsWith('.ts')) return 0;
  return Math.min(MOST_THREADS, availableParallelism() - 1, Math.floor(bytes / BYTES_WORTH_A_THREAD));
}

/** A thread that scans; it answers in the order in which it was asked. */
export class ScanThread {
  readonly #worker = new Worker(new URL('./scan-thread.js', import.meta.url));
  readonly #waiting: { resolve(results: readonly SummaryResult[]): void; reject(error: unknown): void }[] =
    [];

  constructor() {
    this.#worker.on('message', (answer: ThreadAnswer) => {
      const waiting = this.#waiting.shift();
      if ('results' in answer) waiting?.resolve(answer.results);
      else {
        const { code, message, offset } = answer.fault;
        waiting?.reject(new UnreadableError(code, message, offset));
      }
    });
    this.#worker.on('error', (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  /** @throws UnreadableError where the bytes can't be read. */
  run(work: ScanWork): Promise<readonly SummaryResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(work);
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
