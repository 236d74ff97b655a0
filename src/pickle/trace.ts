import { UnreadableError } from '../io/errors.ts';
import type { PyGlobal, PyNode, PyObject } from './values.ts';

/**
 * What no pickler writes:
 * `computed-import` names its module or attribute by something other than two strings; `extension` calls on the registry of the
 * loading program; `build-on-value` gives state to what is no built object (a function, a class, a list); `late-protocol` changes the
 * protocol in the middle; `leftover` leaves values on the stack that nothing takes; `second-archive` is none of the stream's: other
 * readers find another checkpoint in the file; nor is `unsearched`, a part that nobody looked at.
 */
export type OddityKind =
  | 'computed-import'
  | 'extension'
  | 'build-on-value'
  | 'late-protocol'
  | 'leftover'
  | 'second-archive'
  | 'unsearched';

export interface PickleOddity {
  readonly kind: OddityKind;
  /** Offset in the pickle of the opcode. */
  readonly offset: number;
  /** In words: what stands there. */
  readonly what: string;
}

/**
 * What a loader would import and call while it reads a stream, in its order. It is noted as the opcodes run: a value that is thrown
 * away afterwards, or a stream that breaks, does not undo it.
 */
export interface PickleTrace {
  /** Number of the protocol, the highest that the stream names. */
  readonly protocol: number;
  /** Every name, in the order of first mention. */
  readonly globals: readonly PyGlobal[];
  /** Every call, in its order; those within a TensorCall are told by `eachCall`. */
  readonly calls: readonly PyObject[];
  readonly oddities: readonly PickleOddity[];
  /** Bytes that were run: up to and with STOP, or to where the stream breaks. */
  readonly length: number;
}

/** What loading one of the pickles of a file would do. */
export interface RecordTrace {
  /** Name of the record; empty where the file is the pickle. */
  readonly record: string;
  readonly trace: PickleTrace;
  /** Calls that were read and judged for what they load: they are no suspicion any more. */
  readonly understood?: ReadonlySet<PyNode>;
}

/** A file that can't be read, with what its pickles would have done by then. */
export class PickleFault extends UnreadableError {
  readonly traces: readonly RecordTrace[];

  constructor(error: UnreadableError, traces: readonly RecordTrace[]) {
    super(error.code, error.message, error.offset, error.rule);
    this.traces = traces;
  }
}
