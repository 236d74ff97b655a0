import { Worker } from 'node:worker_threads';

/** Megabytes of heap for one worker; an input that needs more is a defect. */
const HEAP_MB = 256;

/** A thread that judges inputs one after the other, within bounds of time and memory. */
export class Judge {
  readonly #script: URL;
  readonly #seconds: number;
  #worker: Worker | undefined;

  constructor(script: URL, seconds: number) {
    this.#script = script;
    this.#seconds = seconds;
  }

  /** What is wrong with how an input was taken; undefined where nothing is. */
  complaintOf(input: { bytes: Uint8Array; original?: Uint8Array }): Promise<string | undefined> {
    this.#worker ??= new Worker(this.#script, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    const worker = this.#worker;
    return new Promise((resolve) => {
      const settle = (complaint: string | undefined, broken: boolean): void => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        if (broken) {
          this.#worker = undefined;
          void worker.terminate();
        }
        resolve(complaint);
      };
      const onMessage = (complaint: string | undefined): void => settle(complaint, false);
      const onError = (error: Error): void => settle(error.stack ?? error.message, true);
      const onExit = (code: number): void => settle(`the worker ended with ${code}`, true);
      const timer = setTimeout(() => settle(`no answer in ${this.#seconds} s`, true), this.#seconds * 1000);
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(input);
    });
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }
}
