import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import type { DecodedPickle, LongPayload } from './decoder.ts';
import { decodeLong, narrow } from './integers.ts';
import { OPCODES, Op, opcodeName } from './opcodes.ts';
import { decodeQuoted, decodeRawUnicodeEscape, decodeText } from './text.ts';
import {
  type Effect,
  EMPTY_TUPLE,
  PyBuffer,
  PyBytes,
  PyDict,
  PyExtension,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyText,
  PyTuple,
  type Value,
} from './values.ts';

/** Payloads of this length and more are facts about a pickle. Longer ones stay ranges, so that memory follows the structure and not the data. */
const LONG_PAYLOAD = 2 ** 20;
/** Memo slots up to this one live in an array; a stream that names a huge slot gets a map, not a huge array. */
const DENSE_MEMO = 2 ** 24;

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
  /** Offset in the pickle of the next opcode. */
  position = 0;
  readonly #source: ByteSource;
  /** Where the pickle starts in the source. */
  readonly #origin: number;
  readonly #size: number;
  readonly #longestHeld: number;
  readonly #stack: Value[] = [];
  readonly #marks: number[] = [];
  readonly #memo: Value[] = [];
  readonly #sparseMemo = new Map<number, Value>();
  #memoSize = 0;
  #protocol = 0;
  #value: Value = null;
  #length = 0;
  #buffers = 0;
  readonly #opcodes = new Uint32Array(256);
  readonly #globals = new Map<string, PyGlobal>();
  readonly #persistents: PyPersistent[] = [];
  readonly #longPayloads: LongPayload[] = [];
  #window: Buffer = Buffer.alloc(0);
  #base = 0;

  constructor(source: ByteSource, origin: number, size: number, longestHeld = LONG_PAYLOAD) {
    this.#source = source;
    this.#origin = origin;
    this.#size = size;
    this.#longestHeld = longestHeld;
  }

  finish(): DecodedPickle {
    return {
      value: this.#value,
      protocol: this.#protocol,
      length: this.#length,
      opcodes: this.#opcodes,
      globals: [...this.#globals.values()],
      persistents: this.#persistents,
      longPayloads: this.#longPayloads,
    };
  }

  /** The opcode at which the machine waits, for messages. */
  opcodeAtPosition(): string {
    const code = this.#window[this.position - this.#base];
    return code === undefined ? 'the stream' : `${opcodeName(code)} at offset ${this.position}`;
  }

  /**
   * Runs over `window`, whose first byte stands at offset `base` of the pickle.
   * Returns 0 after STOP, else the number of bytes that must be at hand from `position` on to go further.
   */
  run(window: Buffer, base: number): number {
    this.#window = window;
    this.#base = base;
    const stack = this.#stack;
    const opcodes = this.#opcodes;
    const end = window.length;
    let at = this.position - base;
    for (;;) {
      this.position = base + at;
      if (at >= end) return 1;
      const code = window[at] as number;
      const prefix = PREFIX_LENGTH[code] as number;
      if (at + 1 + prefix > end) return 1 + prefix;
      let next = at + 1 + prefix;
      switch (code) {
        case Op.BINPUT:
          this.#put(window[at + 1] as number);
          break;
        case Op.LONG_BINPUT:
          this.#put(window.readUInt32LE(at + 1));
          break;
        case Op.BINGET:
          this.#get(window[at + 1] as number);
          break;
        case Op.LONG_BINGET:
          this.#get(window.readUInt32LE(at + 1));
          break;
        case Op.MARK:
          this.#marks.push(stack.length);
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
          stack.push(new PyTuple([this.#pop()]));
          break;
        case Op.TUPLE2: {
          const second = this.#pop();
          stack.push(new PyTuple([this.#pop(), second]));
          break;
        }
        case Op.TUPLE3: {
          const third = this.#pop();
          const second = this.#pop();
          stack.push(new PyTuple([this.#pop(), second, third]));
          break;
        }
        case Op.TUPLE: {
          const items = this.#popMark();
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
          const args = this.#pop();
          stack.push(new PyObject('reduce', this.#pop(), args, this.position));
          break;
        }
        case Op.BINPERSID:
          this.#persist(this.#pop());
          break;
        case Op.SETITEM: {
          const value = this.#pop();
          const key = this.#pop();
          this.#setItems([key], [value]);
          break;
        }
        case Op.SETITEMS: {
          const items = this.#popMark();
          if (items.length % 2) throw this.#fault('a key without a value');
          const keys: Value[] = [];
          const values: Value[] = [];
          for (let i = 0; i < items.length; i += 2) {
            keys.push(items[i] as Value);
            values.push(items[i + 1] as Value);
          }
          this.#setItems(keys, values);
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
          const length = this.#runLength(at, code);
          if (length > this.#longestHeld && code !== Op.LONG1 && code !== Op.LONG4) {
            stack.push(this.#longRun(code, next, length));
          } else {
            if (next + length > end) return next + length - at;
            stack.push(this.#shortRun(code, next, next + length));
          }
          next += length;
          break;
        }
        case Op.STOP:
          opcodes[code] = (opcodes[code] as number) + 1;
          this.#value = this.#pop();
          this.#length = this.position + 1;
          return 0;
        default: {
          const lines = OPCODES[code]?.argument;
          if (lines === 'line' || lines === 'lines') {
            let stop = window.indexOf(0x0a, next);
            if (stop >= 0 && lines === 'lines') stop = window.indexOf(0x0a, stop + 1);
            // the caller gives a longer window until the newline is in it, or the stream is at its end
            if (stop < 0) return base + end === this.#size ? end - at + 1 : 2 * (end - at) + 64;
            this.#line(code, window.subarray(next, stop));
            next = stop + 1;
          } else this.#rare(code, at);
        }
      }
      opcodes[code] = (opcodes[code] as number) + 1;
      at = next;
    }
  }

  #fault(what: string): UnreadableError {
    const code = this.#window[this.position - this.#base] as number;
    return new UnreadableError(
      'bad-pickle',
      `bad pickle: opcode ${opcodeName(code)} at offset ${this.position}: ${what}`,
      this.position,
    );
  }

  #fence(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #pop(): Value {
    if (this.#stack.length <= this.#fence()) throw this.#fault('the stack has nothing to take');
    return this.#stack.pop() as Value;
  }

  #top(): Value {
    if (this.#stack.length <= this.#fence()) throw this.#fault('the stack has nothing to take');
    return this.#stack.at(-1) as Value;
  }

  #popMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#fault('no MARK before it');
    return this.#stack.splice(mark);
  }

  #put(slot: number): void {
    const value = this.#top();
    if (slot < DENSE_MEMO && slot <= this.#memo.length) {
      if (slot === this.#memo.length || this.#memo[slot] === undefined) this.#memoSize++;
      this.#memo[slot] = value;
    } else {
      if (!this.#sparseMemo.has(slot)) this.#memoSize++;
      this.#sparseMemo.set(slot, value);
    }
  }

  #get(slot: number): void {
    const value = this.#memo[slot] ?? this.#sparseMemo.get(slot);
    // null is a value that can stand in the memo, so an empty slot is told by what is left
    if (value === undefined && this.#memo[slot] === undefined && !this.#sparseMemo.has(slot)) {
      throw this.#fault(`memo slot ${slot} was never filled`);
    }
    if (value instanceof PyGlobal) value.uses++;
    this.#stack.push(value ?? null);
  }

  #persist(id: Value): void {
    const node = new PyPersistent(id);
    this.#persistents.push(node);
    this.#stack.push(node);
  }

  #global(module: string, name: string): PyGlobal {
    const key = `${module}\n${name}`;
    const known = this.#globals.get(key);
    if (known) {
      known.uses++;
      return known;
    }
    const made = new PyGlobal(module, name, this.position);
    this.#globals.set(key, made);
    return made;
  }

  #setItems(keys: Value[], values: Value[]): void {
    const target = this.#top();
    if (target instanceof PyDict) {
      for (let i = 0; i < keys.length; i++) {
        target.keys.push(keys[i] as Value);
        target.values.push(values[i] as Value);
      }
    } else if (target instanceof PyObject) {
      const run = lastEffect(target, 'set');
      if (run) {
        for (let i = 0; i < keys.length; i++) {
          run.keys.push(keys[i] as Value);
          run.values.push(values[i] as Value);
        }
      } else addEffect(target, { op: 'set', keys, values });
    } else throw this.#fault(`items can't be set on ${describe(target)}`);
  }

  #append(items: Value[]): void {
    const target = this.#top();
    const list =
      target instanceof PyList
        ? target.items
        : target instanceof PyObject
          ? lastEffect(target, 'append')?.items
          : undefined;
    if (list) for (const item of items) list.push(item);
    else if (target instanceof PyObject) addEffect(target, { op: 'append', items });
    else throw this.#fault(`${describe(target)} can't be appended to`);
  }

  #add(items: Value[]): void {
    const target = this.#top();
    if (target instanceof PySet && !target.frozen) for (const item of items) target.items.push(item);
    else if (target instanceof PyObject) addEffect(target, { op: 'add', items });
    else throw this.#fault(`items can't be added to ${describe(target)}`);
  }

  /** The length prefix of a run, held against what is left of the stream. */
  #runLength(at: number, code: number): number {
    const window = this.#window;
    let length: number;
    let prefix = 4;
    switch (OPCODES[code]?.argument) {
      case 'run1':
        length = window[at + 1] as number;
        prefix = 1;
        break;
      case 'run4s':
        length = window.readInt32LE(at + 1);
        if (length < 0) throw this.#fault(`a negative length, ${length}`);
        break;
      case 'run8': {
        prefix = 8;
        length = Number(window.readBigUInt64LE(at + 1));
        break;
      }
      default:
        length = window.readUInt32LE(at + 1);
    }
    const left = this.#size - this.position - 1 - prefix;
    if (length > left) {
      throw new UnreadableError(
        'truncated',
        `pickle opcode ${opcodeName(code)} at offset ${this.position} wants ${length} bytes, ${left} are left: the file is cut short or damaged`,
        this.position,
      );
    }
    return length;
  }

  #longRun(code: number, next: number, length: number): Value {
    const start = this.#base + next;
    if (length > LONG_PAYLOAD) this.#longPayloads.push({ offset: start, length, opcode: opcodeName(code) });
    const range = { source: this.#source, offset: this.#origin + start, length };
    switch (code) {
      case Op.BINUNICODE:
      case Op.BINUNICODE8:
        return new PyText(range);
      case Op.BINSTRING:
        return new PyBytes('str2', range);
      case Op.BYTEARRAY8:
        return new PyBytes('bytearray', range);
      default:
        return new PyBytes('bytes', range);
    }
  }

  #shortRun(code: number, start: number, end: number): Value {
    const window = this.#window;
    switch (code) {
      case Op.BINUNICODE:
      case Op.SHORT_BINUNICODE:
      case Op.BINUNICODE8: {
        const text = decodeText(window, start, end);
        if (text === undefined) throw this.#fault('the string is not UTF-8');
        return text;
      }
      case Op.SHORT_BINSTRING:
      case Op.BINSTRING:
        return python2String(window, start, end);
      case Op.LONG1:
      case Op.LONG4:
        return decodeLong(window.subarray(start, end));
      default:
        return new PyBytes(
          code === Op.BYTEARRAY8 ? 'bytearray' : 'bytes',
          Uint8Array.prototype.slice.call(window, start, end),
          this.#origin + this.#base + start,
        );
    }
  }

  /** Opcodes whose argument is text up to a newline: protocol 0's, GLOBAL and INST. */
  #line(code: number, bytes: Buffer): void {
    const line = bytes.toString('latin1');
    switch (code) {
      case Op.GLOBAL:
      case Op.INST: {
        const text = decodeText(bytes);
        if (text === undefined) throw this.#fault('the name is not UTF-8');
        const split = text.indexOf('\n');
        const global = this.#global(text.slice(0, split), text.slice(split + 1));
        if (code === Op.GLOBAL) this.#stack.push(global);
        else this.#stack.push(new PyObject('inst', global, new PyTuple(this.#popMark()), this.position));
        break;
      }
      case Op.GET:
        this.#get(this.#slot(line));
        break;
      case Op.PUT:
        this.#put(this.#slot(line));
        break;
      case Op.INT:
        if (line === '00' || line === '01') this.#stack.push(line === '01');
        else this.#stack.push(this.#integer(line));
        break;
      case Op.LONG:
        this.#stack.push(this.#integer(line.endsWith('L') ? line.slice(0, -1) : line));
        break;
      case Op.FLOAT:
        this.#stack.push(new PyFloat(this.#float(line)));
        break;
      case Op.STRING: {
        const content = decodeQuoted(line);
        if (content === undefined) throw this.#fault('the string is not quoted as Python quotes');
        this.#stack.push(python2String(content));
        break;
      }
      case Op.UNICODE:
        this.#stack.push(decodeRawUnicodeEscape(line));
        break;
      default:
        this.#persist(line);
    }
  }

  #slot(line: string): number {
    if (!/^\d{1,15}$/.test(line.trim())) throw this.#fault(`memo slot ${JSON.stringify(line.slice(0, 40))}`);
    return Number(line);
  }

  #integer(line: string): number | bigint {
    const text = line.trim();
    if (!/^[+-]?\d+$/.test(text)) throw this.#fault(`${JSON.stringify(text.slice(0, 40))} is no integer`);
    return narrow(text[0] === '-' ? -BigInt(text.slice(1)) : BigInt(text.replace('+', '')));
  }

  #float(line: string): number {
    const text = line.trim().toLowerCase();
    const special = /^([+-]?)(inf|infinity|nan)$/.exec(text);
    if (special) return special[2] === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity;
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text)) {
      throw this.#fault(`${JSON.stringify(text.slice(0, 40))} is no float`);
    }
    return Number(text);
  }

  /** Opcodes that a torch.save stream rarely or never has. */
  #rare(code: number, at: number): void {
    const stack = this.#stack;
    const window = this.#window;
    switch (code) {
      case Op.PROTO:
        this.#protocol = window[at + 1] as number;
        break;
      case Op.FRAME:
        break;
      case Op.POP:
        // Python takes the MARK itself where nothing stands above it
        if (stack.length > this.#fence()) stack.pop();
        else if (this.#marks.pop() === undefined) throw this.#fault('the stack has nothing to take');
        break;
      case Op.POP_MARK:
        this.#popMark();
        break;
      case Op.DUP:
        stack.push(this.#top());
        break;
      case Op.LIST:
        stack.push(new PyList(this.#popMark()));
        break;
      case Op.DICT: {
        const items = this.#popMark();
        if (items.length % 2) throw this.#fault('a key without a value');
        stack.push(
          new PyDict(
            items.filter((_, i) => i % 2 === 0),
            items.filter((_, i) => i % 2 === 1),
          ),
        );
        break;
      }
      case Op.APPEND:
        this.#append([this.#pop()]);
        break;
      case Op.APPENDS:
        this.#append(this.#popMark());
        break;
      case Op.BUILD: {
        const state = this.#pop();
        const target = this.#top();
        if (!(target instanceof PyObject)) throw this.#fault(`${describe(target)} takes no state`);
        addEffect(target, { op: 'build', state });
        break;
      }
      case Op.NEWOBJ: {
        const args = this.#pop();
        stack.push(new PyObject('newobj', this.#pop(), args, this.position));
        break;
      }
      case Op.NEWOBJ_EX: {
        const kwargs = this.#pop();
        const args = this.#pop();
        stack.push(new PyObject('newobj-ex', this.#pop(), args, this.position, kwargs));
        break;
      }
      case Op.OBJ: {
        const [callable, ...args] = this.#popMark();
        if (callable === undefined) throw this.#fault('no class after MARK');
        stack.push(new PyObject('inst', callable, new PyTuple(args), this.position));
        break;
      }
      case Op.STACK_GLOBAL: {
        const name = this.#pop();
        const module = this.#pop();
        if (typeof name !== 'string' || typeof module !== 'string') {
          throw this.#fault(
            `module and name must be strings, found ${describe(module)} and ${describe(name)}`,
          );
        }
        stack.push(this.#global(module, name));
        break;
      }
      case Op.MEMOIZE:
        this.#put(this.#memoSize);
        break;
      case Op.EMPTY_SET:
        stack.push(new PySet(false));
        break;
      case Op.ADDITEMS:
        this.#add(this.#popMark());
        break;
      case Op.FROZENSET:
        stack.push(new PySet(true, this.#popMark()));
        break;
      case Op.EXT1:
        stack.push(new PyExtension(window[at + 1] as number));
        break;
      case Op.EXT2:
        stack.push(new PyExtension(window.readUInt16LE(at + 1)));
        break;
      case Op.EXT4:
        stack.push(new PyExtension(window.readInt32LE(at + 1)));
        break;
      case Op.NEXT_BUFFER:
        stack.push(new PyBuffer(this.#buffers++, false));
        break;
      case Op.READONLY_BUFFER: {
        const buffer = this.#pop();
        stack.push(buffer instanceof PyBuffer ? new PyBuffer(buffer.index, true) : buffer);
        break;
      }
      default:
        throw this.#fault('no protocol has this opcode: the bytes are no pickle, or damaged');
    }
  }
}

/** torch.load reads Python-2 `str` as UTF-8; what is none stays bytes. */
function python2String(bytes: Buffer, start = 0, end = bytes.length): Value {
  return (
    decodeText(bytes, start, end) ?? new PyBytes('str2', Uint8Array.prototype.slice.call(bytes, start, end))
  );
}

function addEffect(object: PyObject, effect: Effect): void {
  if (object.effects) object.effects.push(effect);
  else object.effects = [effect];
}

function lastEffect<Name extends Effect['op']>(
  object: PyObject,
  op: Name,
): Extract<Effect, { op: Name }> | undefined {
  const last = object.effects?.at(-1);
  return last?.op === op ? (last as Extract<Effect, { op: Name }>) : undefined;
}

function describe(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'object')
    return value instanceof PyGlobal ? `the global ${value.qualifiedName}` : `a ${value.kind}`;
  return `a ${typeof value}`;
}
