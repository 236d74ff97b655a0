import { type ByteSource, checkRange } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { DecodeBudget } from './decode-budget.ts';
import { PickleMachine } from './machine.ts';
import type { LongPayload } from './payloads.ts';
import { PickleFault, type PickleTrace } from './trace.ts';
import type { PyGlobal, PyPersistent, Value } from './values.ts';

/** A file passes through one window of this size; fresh memory for all of it takes longer than to read it. */
const WINDOW = 2 ** 20;
/** What can't be read into the window, as over a network, is fetched at once up to this size; a 100 000-tensor state_dict takes about 15 MB. */
const WHOLE_READ = 64 * 2 ** 20;
/** Beyond it, in pieces of this size. */
const PIECE = 8 * 2 ** 20;
/** The machine runs over so many bytes between two looks at the clock, at memory and at what it has done. */
const STEP = 2 ** 20;
/** By how much a read is longer than the one before it. */
const GROWTH = 4;

export interface DecodeOptions {
  /**
   * Bytes to fetch at first, for a pickle that is known to end long before its source does. Later reads grow from there. By default
   * a file passes through a window of 1 MiB, and any other source of up to 64 MiB is fetched at once.
   */
  readonly firstRead?: number;
  /** Payloads longer than this stay ranges into the source; by default those of more than 1 MiB. */
  readonly longestHeld?: number;
}

export interface DecodedPickle {
  readonly value: Value;
  /** Number after PROTO; 0 where there is none. */
  readonly protocol: number;
  /** Bytes up to and with STOP. */
  readonly length: number;
  /** How often each opcode byte occurs. */
  readonly opcodes: Uint32Array;
  /** Every name in the order of first mention. */
  readonly globals: readonly PyGlobal[];
  /** Every persistent id in the order of the stream. */
  readonly persistents: readonly PyPersistent[];
  readonly longPayloads: readonly LongPayload[];
  /** What a loader would import and call on the way. */
  readonly trace: PickleTrace;
}

/**
 * Decodes the pickle that starts at `offset` of `source` into inert values, every opcode of protocols 0 to 5, executing nothing.
 * Bytes after STOP are left alone, as by Python. Long payloads stay ranges into the source.
 *
 * @throws PickleFault `bad-pickle` with the opcode and its offset in the pickle; `truncated` where the source ends before STOP.
 * It carries the trace of what the stream did before it broke.
 */
export async function decodePickle(
  source: ByteSource,
  offset = 0,
  options: DecodeOptions = {},
): Promise<DecodedPickle> {
  checkRange(source.size, offset, 0, 'pickle');
  const size = source.size - offset;
  const machine = new PickleMachine(source, offset, size, options.longestHeld);
  try {
    return await runMachine(machine, source, offset, size, options.firstRead);
  } catch (error) {
    throw error instanceof UnreadableError
      ? new PickleFault(error, [{ record: '', trace: machine.trace() }])
      : error;
  }
}

async function runMachine(
  machine: PickleMachine,
  source: ByteSource,
  offset: number,
  size: number,
  firstRead: number | undefined,
): Promise<DecodedPickle> {
  const budget = new DecodeBudget(source.storedSize ?? source.size);
  const fetch = fetcher(source);
  const usual = source.readInto ? WINDOW : PIECE;
  let length = Math.min(size, firstRead ?? (source.readInto || size > WHOLE_READ ? usual : size));
  for (;;) {
    const start = machine.position;
    const window = await fetch(offset + start, Math.min(length, size - start));
    const needed = runWindow(machine, window, start, budget);
    if (needed === 0) return machine.finish();
    if (machine.position + needed > size) {
      throw new UnreadableError(
        'truncated',
        `pickle ends at byte ${size} inside ${machine.opcodeAtPosition()}, before STOP: the file is cut short or no pickle`,
        machine.position,
        'pickle/damaged',
      );
    }
    length = Math.max(needed, Math.min(length * GROWTH, usual));
  }
}

/** Reads into one window where it can: what it gave before is overwritten then. */
function fetcher(source: ByteSource): (offset: number, length: number) => Promise<Buffer> {
  let room: Buffer | undefined;
  return async (offset, length) => {
    if (source.readInto && length <= WINDOW) {
      if (room === undefined || room.length < length) room = Buffer.allocUnsafeSlow(length);
      const window = room.subarray(0, length);
      await source.readInto(offset, window);
      return window;
    }
    const bytes = await source.read(offset, length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

/** Runs over a window in steps, with a look at the budget between them. Returns as `run` of the machine does. */
function runWindow(machine: PickleMachine, window: Buffer, start: number, budget: DecodeBudget): number {
  let step = STEP;
  for (;;) {
    const at = machine.position - start;
    const needed = machine.run(window.subarray(at, at + step), start + at);
    if (needed === 0) return 0;
    budget.check(machine);
    if (machine.position - start + needed > window.length) return needed;
    step = Math.max(STEP, needed);
  }
}
