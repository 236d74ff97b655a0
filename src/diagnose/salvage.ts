import type { UnreadableError } from '../io/errors.ts';
import { PickleFault } from '../pickle/trace.ts';

/** Flags that write what is whole of a damaged file. */
export const SALVAGE: readonly string[] = ['--salvage'];

/**
 * Whether an archive that could not be opened still has its pickle, so that the bytes of tensors can be told: it is the first record of what
 * torch writes, and only there it is found without a directory.
 */
export function hasWholePickle(error: UnreadableError): boolean {
  return (
    error instanceof PickleFault &&
    error.traces.some(({ record, trace }) => trace.length > 0 && /(^|\/)data\.pkl$/i.test(record))
  );
}
