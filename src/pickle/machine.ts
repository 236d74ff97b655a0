import type { ByteSource } from '../io/byte-source.ts';
import type { DecodedPickle } from './decoder.ts';
import { describe, setItem, setItems } from './effects.ts';
import { uint32 } from './integers.ts';
import { MachineState } from './machine-state.ts';
import { OPCODES, Op, opcodeName } from './opcodes.ts';
import { Payloads } from './payloads.ts';
import { reduced } from './python2.ts';
import { runRareOpcode } from './rare-opcodes.ts';
import { TensorReader } from './tensor-reader.ts';
import { runTextOpcode } from './text-opcodes.ts';
import type { PickleTrace } from './trace.ts';
import { EMPTY_TUPLE, PyDict, PyFloat, PyList, PyObject, PyTuple, type Value } from './values.ts';

/** Bytes after the opcode byte that must be at hand before it can be judged: the argument, or its length prefix. */
const PREFIX_LENGTH = Uint8Array.from({ length: 256 }, (_, code) => {
  switch (OPCODES[code]?.argument) {
    case 'u1':
    case 'run1':
      return 1;
    case 'u2':
      return 2;
    case 'i4':
    case 'u4':
    case 'run4':
    case 'run4s':
      return 4;
    case 'u8':
    case 'f8':
    case 'run8':
      return 8;
    default:
      return 0;
  }
});

/**
 * The stack machine that every unpickler is, over inert values. It consumes windows of the stream: `run` goes as far as the window
 * serves and says how many bytes it wants from `position` on, so that the caller alone decides how bytes are fetched.
 */
export class PickleMachine {
  readonly #size: number;
  readonly #state = new MachineState();
  readonly #payloads: Payloads;
  readonly #opcodes = new Uint32Array(256);
  readonly #tensors: TensorReader;
  #value: Value = null;
  #length = 0;

  /**
   * @param origin Where the pickle starts in the source.
   * @param size Bytes from there to the end of the source.
   * @param longestHeld Longer payloads stay ranges into the source; 1 MiB by default.
   */
  constructor(source: ByteSource, origin: number, size: number, longestHeld?: number) {
    this.#size = size;
    this.#payloads = new Payloads(source, origin, size, longestHeld);
    this.#tensors = new TensorReader(this.#state, this.#opcodes, this.#payloads.texts);
  }

  /** Offset in the pickle of the next opcode. */
  get position(): number {
    return this.#state.position;
  }

  /** Opcodes that were run. */
  get steps(): number {
    return this.#opcodes.reduce((sum, count) => sum + count, 0);
  }

  finish(): DecodedPickle {
    const { protocol, globals, persistents } = this.#state;
    return {
      value: this.#value,
      protocol,
      length: this.#length,
      opcodes: this.#opcodes,
      globals: [...globals.values()],
      persistents,
      longPayloads: this.#payloads.long,
      trace: this.trace(),
    };
  }

  /** What was done so far, also where the stream breaks. */
  trace(): PickleTrace {
    const { protocol, globals, calls, oddities, position } = this.#state;
    return { protocol, globals: [...globals.values()], calls, oddities, length: this.#length || position };
  }

  /** The opcode at which the machine waits, for messages. */
  opcodeAtPosition(): string {
    const { window, position, base } = this.#state;
    const code = window[position - base];
    return code === undefined ? 'the stream' : `${opcodeName(code)} at offset ${position}`;
  }

  /**
   * Runs over `window`, whose first byte stands at offset `base` of the pickle.
   * Returns 0 after STOP, else the number of bytes that must be at hand from `position` on to go further.
   */
  run(window: Buffer, base: number): number {
    const state = this.#state;
    const payloads = this.#payloads;
    const tensors = this.#tensors;
    const opcodes = this.#opcodes;
    const { stack, memo } = state;
    const end = window.length;
    state.window = window;
    state.base = base;
    payloads.open(window);
    let at = state.position - base;
    for (;;) {
      state.position = base + at;
      if (at >= end) return 1;
      const code = window[at] as number;
      const prefix = PREFIX_LENGTH[code] as number;
      let next = at + 1 + prefix;
      if (next > end) return 1 + prefix;
      switch (code) {
        case Op.BINPUT:
          memo.put(window[at + 1] as number, state.top());
          break;
        case Op.LONG_BINPUT:
          memo.put(uint32(window, at + 1), state.top());
          break;
        case Op.BINGET:
        case Op.LONG_BINGET: {
          const value = state.recall(
            code === Op.BINGET ? (window[at + 1] as number) : uint32(window, at + 1),
          );
          if (tensors.beginsWith(value)) next = tensors.read(window, next) || next;
          break;
        }
        case Op.MARK:
          state.mark();
          break;
        case Op.BININT1:
          stack.push(window[at + 1] as number);
          break;
        case Op.BININT2:
          stack.push(window.readUInt16LE(at + 1));
          break;
        case Op.BININT:
          stack.push(window.readInt32LE(at + 1));
          break;
        case Op.BINFLOAT:
          stack.push(new PyFloat(window.readDoubleBE(at + 1)));
          break;
        case Op.NONE:
          stack.push(null);
          break;
        case Op.NEWTRUE:
          stack.push(true);
          break;
        case Op.NEWFALSE:
          stack.push(false);
          break;
        case Op.EMPTY_TUPLE:
          stack.push(EMPTY_TUPLE);
          break;
        case Op.TUPLE1:
          stack.push(new PyTuple([state.pop()]));
          break;
        case Op.TUPLE2: {
          const second = state.pop();
          stack.push(new PyTuple([state.pop(), second]));
          break;
        }
        case Op.TUPLE3: {
          const third = state.pop();
          const second = state.pop();
          stack.push(new PyTuple([state.pop(), second, third]));
          break;
        }
        case Op.TUPLE: {
          const items = state.popMark();
          stack.push(items.length === 0 ? EMPTY_TUPLE : new PyTuple(items));
          break;
        }
        case Op.EMPTY_LIST:
          stack.push(new PyList());
          break;
        case Op.EMPTY_DICT:
          stack.push(new PyDict());
          break;
        case Op.REDUCE: {
          const args = state.pop();
          state.call(reduced(state.pop(), args, state.position));
          break;
        }
        case Op.BINPERSID:
          state.persist(state.pop());
          break;
        case Op.SETITEM: {
          const value = state.pop();
          const key = state.pop();
          state.mindKey(key);
          if (!setItem(state.top(), key, value)) throw this.#noMapping();
          break;
        }
        case Op.SETITEMS: {
          const start = state.closeMark();
          if ((stack.length - start) % 2) throw state.fault('a key without a value');
          if (start <= state.fence) throw state.fault('the stack has nothing to take');
          for (let i = start; i < stack.length; i += 2) state.mindKey(stack[i] as Value);
          const done = setItems(stack[start - 1] as Value, stack, start);
          stack.length = start;
          if (!done) throw this.#noMapping();
          break;
        }
        case Op.BINUNICODE:
        case Op.SHORT_BINUNICODE:
        case Op.BINUNICODE8:
        case Op.SHORT_BINSTRING:
        case Op.BINSTRING:
        case Op.BINBYTES:
        case Op.SHORT_BINBYTES:
        case Op.BINBYTES8:
        case Op.BYTEARRAY8:
        case Op.LONG1:
        case Op.LONG4: {
          const length = payloads.length(state, code, at);
          if (payloads.staysInSource(code, length)) stack.push(payloads.range(code, base + next, length));
          else {
            if (next + length > end) return next + length - at;
            stack.push(payloads.held(state, code, next, next + length));
          }
          next += length;
          break;
        }
        case Op.STOP:
          opcodes[code] = (opcodes[code] as number) + 1;
          this.#value = state.pop();
          if (stack.length > 0) state.note('leftover', `${stack.length} values under the result`);
          if (state.openMarks > 0) state.note('leftover', `${state.openMarks} marks that nothing takes`);
          this.#length = state.position + 1;
          return 0;
        default: {
          const argument = OPCODES[code]?.argument;
          if (argument === 'line' || argument === 'lines') {
            let stop = window.indexOf(0x0a, next);
            if (stop >= 0 && argument === 'lines') stop = window.indexOf(0x0a, stop + 1);
            // the caller gives a longer window until the newline is in it, or the stream is at its end
            if (stop < 0) return this.#moreForLine(end - at);
            runTextOpcode(state, code, window.subarray(next, stop));
            next = stop + 1;
          } else runRareOpcode(state, code, at);
        }
      }
      opcodes[code] = (opcodes[code] as number) + 1;
      at = next;
    }
  }

  /** Bytes to have for a line of which `held` bytes are at hand: twice as many while the stream has them, else more than it has. */
  #moreForLine(held: number): number {
    const left = this.#size - this.#state.position;
    return held < left ? Math.min(2 * held + 64, left) : left + 1;
  }

  #noMapping() {
    const target = this.#state.top();
    if (target instanceof PyDict || target instanceof PyObject) {
      return this.#state.fault("a key that is a list, dict, set or bytearray, which Python can't hash");
    }
    return this.#state.fault(`items can't be set on ${describe(target)}`);
  }
}
