import { readDescriptor } from '../io/file-source.ts';
import { type Scan, scan } from './scan.ts';
import type { Summarizer, SummaryResult } from './summarizer.ts';

/** Scans over one file that are done at one go; also what is sent to a thread. */
export interface ScanWork {
  readonly descriptor: number;
  /** Byte of the file that the layouts count from. */
  readonly start: number;
  readonly scans: readonly Scan[];
}

/** @throws UnreadableError as `readDescriptor`. */
export function doScans({ descriptor, start, scans }: ScanWork, summarizer: Summarizer): SummaryResult[] {
  return scans.map((each) => {
    const steps = scan(each, summarizer);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value;
      readDescriptor(descriptor, start + step.value.offset, step.value.into);
    }
  });
}

/** The same over bytes that come when they come. */
export async function doScansLater(
  scans: readonly Scan[],
  read: (offset: number, into: Uint8Array) => Promise<void>,
  summarizer: Summarizer,
): Promise<SummaryResult[]> {
  const results: SummaryResult[] = [];
  for (const each of scans) {
    const steps = scan(each, summarizer);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) {
        results.push(step.value);
        break;
      }
      await read(step.value.offset, step.value.into);
    }
  }
  return results;
}
