import { UnreadableError } from '../io/errors.ts';
import { PickleFault } from '../pickle/trace.ts';

/**
 * An error of a part as one of the whole: in other words, and with what the pickles of the part had done by then.
 * @param offset In the whole; undefined where the part's says nothing of it.
 */
export function retold(
  error: UnreadableError,
  message: string,
  offset?: number,
  rule?: string,
): UnreadableError {
  const told = new UnreadableError(error.code, message, offset, rule);
  return error instanceof PickleFault ? new PickleFault(told, error.traces) : told;
}
