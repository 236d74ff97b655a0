import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { PayloadFacts, PayloadOptions } from '../diagnose/payload.ts';
import { isSmall } from '../diagnose/small-file.ts';
import type { Context, GlobalOptions } from './context.ts';
import { type Progress, progress } from './progress.ts';

/** What was asked for on the command line. */
export interface PayloadRequest extends GlobalOptions {
  readonly verifyCrc?: boolean;
  readonly values?: PayloadOptions['values'];
}

/** What only the tensor bytes tell, where that was asked for or costs next to nothing; with a bar where it takes its time. */
export async function readPayload(
  checkpoint: Checkpoint,
  { verifyCrc = false, values = false, ...options }: PayloadRequest,
  context: Context,
): Promise<PayloadFacts | undefined> {
  const isAsked = verifyCrc || values !== false;
  if (!isAsked && !isSmall(checkpoint)) return undefined;
  const { examinePayload } = await import('../diagnose/payload.ts');
  if (!isAsked) return examinePayload(checkpoint);
  return withBar(context, options, (onProgress) =>
    examinePayload(checkpoint, { crc: verifyCrc, values, onProgress }),
  );
}

/** Runs what reads a file, and shows how far it is. */
export async function withBar<Result>(
  context: Context,
  options: GlobalOptions,
  read: (onProgress: (done: number, total: number) => void) => Promise<Result>,
): Promise<Result> {
  let bar: Progress | undefined;
  let expected: number | undefined;
  try {
    return await read((done, total) => {
      // checksums and numbers each begin anew
      if (total !== expected) bar?.stop();
      if (total !== expected || !bar) bar = progress('reading', total, context, options);
      expected = total;
      bar.update(done);
    });
  } finally {
    bar?.stop();
  }
}
