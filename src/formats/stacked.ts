import type { ByteSource } from '../io/byte-source.ts';
import { checkDeadline } from '../io/deadline.ts';
import { UnreadableError } from '../io/errors.ts';
import { decodePickle } from '../pickle/decoder.ts';
import { type OddityKind, PickleFault, type PickleTrace, type RecordTrace } from '../pickle/trace.ts';
import type { PyPersistent } from '../pickle/values.ts';

/** A legacy stream is five pickles; who hides one puts it right behind. */
const MOST_STACKED = 8;
/** Most of what is looked at is no pickle, and shows it soon. */
const FIRST_READ = 2 ** 16;

/**
 * Pickles one behind the other, up to the first that breaks; what that had done counts too. Of one that a budget of ours stopped nobody
 * knows what else it does, which is told.
 */
export async function stacked(
  source: ByteSource,
  offset: number,
  record: string,
  most = MOST_STACKED,
): Promise<RecordTrace[]> {
  const traces: RecordTrace[] = [];
  let at = offset;
  for (let index = 0; index < most && at < source.size; index++) {
    const { trace, limit } = await decodeOrTrace(source, at);
    if (trace && didSomething(trace)) traces.push({ record, trace });
    if (limit !== undefined) traces.push(unsearched(record || `bytes from ${at}`, limit));
    if (!trace || trace.length === 0) break;
    at += trace.length;
  }
  return traces;
}

interface Decoded {
  /** Undefined where the bytes can't be had. */
  readonly trace: PickleTrace | undefined;
  readonly persistents: readonly PyPersistent[];
  /** Which budget it met, in words. */
  readonly limit?: string;
}

/** What a pickle does, also where it breaks: its length is 0 then. */
export async function decodeOrTrace(source: ByteSource, offset = 0): Promise<Decoded> {
  try {
    return await decodePickle(source, offset, { firstRead: FIRST_READ });
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    // the time of the file is no budget of this pickle alone
    checkDeadline();
    const broken = error instanceof PickleFault ? error.traces[0]?.trace : undefined;
    const trace = broken && { ...broken, length: 0 };
    return { trace, persistents: [], ...(error.code === 'limit' && { limit: error.message }) };
  }
}

/** A trace that says one thing about the file. */
export function noted(kind: OddityKind, what: string, offset: number): RecordTrace {
  return {
    record: '',
    trace: { protocol: 0, globals: [], calls: [], oddities: [{ kind, offset, what }], length: 0 },
  };
}

/** A part that was not searched, and what kept it from that. */
export function unsearched(record: string, reason: string): RecordTrace {
  return { ...noted('unsearched', reason, 0), record };
}

/** Bytes that are no pickle may happen to name something, or an extension code, before they break; to call it takes more than chance. */
function didSomething(trace: PickleTrace): boolean {
  return (
    trace.length > 0 || trace.calls.length > 0 || trace.oddities.some(({ kind }) => kind !== 'extension')
  );
}
