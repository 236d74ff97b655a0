import { parentPort } from 'node:worker_threads';
import { UnreadableError } from '../io/errors.ts';
import { doScans, type ScanWork } from './scan-work.ts';
import { Summarizer, type SummaryResult } from './summarizer.ts';

/** What a thread answers, in the order in which it was asked. */
export type ThreadAnswer =
  | { readonly results: readonly SummaryResult[] }
  | { readonly fault: Pick<UnreadableError, 'code' | 'message' | 'offset'> };

const summarizer = new Summarizer();

parentPort?.on('message', (work: ScanWork) => {
  let answer: ThreadAnswer;
  try {
    answer = { results: doScans(work, summarizer) };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    const { code, message, offset } = error;
    answer = { fault: { code, message, offset } };
  }
  parentPort?.postMessage(answer);
});
