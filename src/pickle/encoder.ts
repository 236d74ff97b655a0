import { RefusedError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import { ByteWriter } from './byte-writer.ts';
import { encodeLong } from './integers.ts';
import { Op } from './opcodes.ts';
import { Protocol2 } from './protocol2.ts';
import { encodeText } from './text.ts';
import {
  type Effect,
  EMPTY_TUPLE,
  type PyDict,
  type PyGlobal,
  type PyList,
  type PyNode,
  type PyObject,
  type PyPersistent,
  PyTuple,
  type Value,
} from './values.ts';

/** CPython's pickler writes items in batches of this many, so that no unpickler's stack grows without bound. */
const BATCH = 1000;
const MAX_TEXT = 2 ** 32 - 1;

export interface EncodeOptions {
  /** The persistent id to write for a node; its own `id` where this is left out. */
  persistentId?(node: PyPersistent): Value;
  /** The globals of the graph, by qualified name: names that protocol 2 needs besides become the same objects. */
  globals?: ReadonlyMap<string, PyGlobal>;
}

export interface EncodedPickle {
  readonly content: readonly Segment[];
  readonly length: number;
  /** A tuple or the arguments of a call hold what they build: that takes opcodes which `weights_only` lacks. */
  readonly holdsItself: boolean;
}

/** An opcode that follows the values before it; tuples and objects enter the memo only then, and what is done to an object follows. */
class Closing {
  readonly code: number;
  readonly memoize: PyNode | undefined;
  readonly effects: readonly Effect[] | undefined;
  constructor(code: number, memoize?: PyNode, effects?: readonly Effect[]) {
    this.code = code;
    this.memoize = memoize;
    this.effects = effects;
  }
}

/** What is left to do: a value to save, or an opcode to write. */
type Task = Value | Closing;

const MARK = new Closing(Op.MARK);
const SETITEM = new Closing(Op.SETITEM);
const SETITEMS = new Closing(Op.SETITEMS);
const APPEND = new Closing(Op.APPEND);
const APPENDS = new Closing(Op.APPENDS);
const BUILD = new Closing(Op.BUILD);
const BINPERSID = new Closing(Op.BINPERSID);
const TUPLE_OF = [Op.EMPTY_TUPLE, Op.TUPLE1, Op.TUPLE2, Op.TUPLE3] as const;

/**
 * Encodes a value graph as protocol 2, with the opcodes that torch's `weights_only` unpickler takes, in the order and with the
 * memo use of CPython's C pickler: a graph that came from a torch.save stream and was not changed gives the bytes of that stream.
 * (Equal strings are written once, also where Python held them as two objects.)
 *
 * @throws RefusedError for what protocol 2 can't say: strings of 4 GiB, extension codes, out-of-band buffers.
 */
export function encodePickle(root: Value, options: EncodeOptions = {}): EncodedPickle {
  return new Encoder(options).encode(root);
}

class Encoder {
  readonly #out = new ByteWriter();
  readonly #options: EncodeOptions;
  readonly #protocol2: Protocol2;
  readonly #tasks: Task[] = [];
  readonly #nodes = new Map<PyNode, number>();
  readonly #texts = new Map<string, number>();
  #memoSize = 0;
  #holdsItself = false;

  constructor(options: EncodeOptions) {
    this.#options = options;
    this.#protocol2 = new Protocol2(options.globals);
  }

  encode(root: Value): EncodedPickle {
    this.#out.two(Op.PROTO, 2);
    const tasks = this.#tasks;
    tasks.push(root);
    while (tasks.length > 0) {
      const task = tasks.pop() as Task;
      if (task instanceof Closing) this.#close(task);
      else this.#save(task);
    }
    this.#out.byte(Op.STOP);
    return { content: this.#out.finish(), length: this.#out.length, holdsItself: this.#holdsItself };
  }

  #save(value: Value): void {
    switch (typeof value) {
      case 'string':
        this.#text(value);
        return;
      case 'number':
      case 'bigint':
        this.#integer(value);
        return;
      case 'boolean':
        this.#out.byte(value ? Op.NEWTRUE : Op.NEWFALSE);
        return;
    }
    if (value === null) {
      this.#out.byte(Op.NONE);
      return;
    }
    if (value === EMPTY_TUPLE || (value instanceof PyTuple && value.items.length === 0)) {
      this.#out.byte(Op.EMPTY_TUPLE);
      return;
    }
    const slot = this.#nodes.get(value);
    if (slot !== undefined) {
      this.#get(slot);
      return;
    }
    this.#saveNode(value);
  }

  #saveNode(node: PyNode): void {
    switch (node.kind) {
      case 'float':
        this.#out.codeDoubleBE(Op.BINFLOAT, node.value);
        break;
      case 'text':
        if (node.range.length > MAX_TEXT) throw tooLong('string', node.range.length);
        this.#out.codeUInt32(Op.BINUNICODE, node.range.length);
        this.#out.range(node.range);
        this.#put(node);
        break;
      case 'global':
        this.#out.byte(Op.GLOBAL);
        this.#out.bytes(encodeText(`${node.module}\n${node.name}\n`));
        this.#put(node);
        break;
      case 'persistent':
        this.#tasks.push(BINPERSID, this.#options.persistentId?.(node) ?? node.id);
        break;
      case 'tuple':
        this.#tuple(node);
        break;
      case 'list':
        this.#out.byte(Op.EMPTY_LIST);
        this.#put(node);
        this.#schedule(exactListBatches(node));
        break;
      case 'dict':
        this.#out.byte(Op.EMPTY_DICT);
        this.#put(node);
        this.#schedule(exactDictBatches(node));
        break;
      case 'object':
        this.#object(node);
        break;
      case 'bytes':
        this.#call(this.#protocol2.bytes(node), node);
        break;
      case 'set':
        this.#call(this.#protocol2.set(node), node);
        break;
      case 'extension':
        throw new RefusedError(
          `extension code ${node.code} can't be written: its meaning is in the registry of the program that made the file`,
        );
      case 'buffer':
        throw new RefusedError(
          `out-of-band buffer ${node.index} can't be written: its bytes are not in the file`,
        );
    }
  }

  #tuple(node: PyTuple): void {
    const { items } = node;
    const short = TUPLE_OF[items.length];
    this.#tasks.push(new Closing(short ?? Op.TUPLE, node));
    for (let i = items.length - 1; i >= 0; i--) this.#tasks.push(items[i] as Value);
    if (short === undefined) this.#tasks.push(MARK);
  }

  #object(node: PyObject): void {
    if (node.construct === 'newobj-ex') this.#call(this.#protocol2.newWithKeywords(node), node);
    else if (node.construct === 'inst') this.#call(this.#protocol2.instance(node), node);
    else this.#call(node, node);
  }

  /** Schedules callable, arguments, the call and its effects; the result enters the memo as `memoize`. */
  #call(call: PyObject, memoize: PyNode): void {
    const code = call.construct === 'newobj' ? Op.NEWOBJ : Op.REDUCE;
    this.#tasks.push(new Closing(code, memoize, call.effects), call.args, call.callable);
  }

  #close(closing: Closing): void {
    const { code, memoize } = closing;
    if (memoize === undefined) {
      this.#out.byte(code);
      return;
    }
    const slot = this.#nodes.get(memoize);
    if (slot === undefined) {
      this.#out.byte(code);
      this.#put(memoize);
      const { effects = [] } = closing;
      for (let i = effects.length - 1; i >= 0; i--) this.#schedule(effectBatches(effects[i] as Effect));
      return;
    }
    // the object held itself and stands in the memo by now, effects and all: what was saved for it is thrown away
    this.#holdsItself = true;
    if (code === Op.TUPLE) this.#out.byte(Op.POP_MARK);
    else if (memoize instanceof PyTuple) for (const _ of memoize.items) this.#out.byte(Op.POP);
    else {
      this.#out.byte(code);
      this.#out.byte(Op.POP);
    }
    this.#get(slot);
  }

  /** Puts tasks on the stack so that they run in their order. */
  #schedule(tasks: readonly Task[]): void {
    for (let i = tasks.length - 1; i >= 0; i--) this.#tasks.push(tasks[i] as Task);
  }

  #text(text: string): void {
    const slot = this.#texts.get(text);
    if (slot !== undefined) {
      this.#get(slot);
      return;
    }
    if (isAscii(text)) {
      this.#out.codeUInt32(Op.BINUNICODE, text.length);
      this.#out.ascii(text);
    } else {
      const bytes = encodeText(text);
      if (bytes.length > MAX_TEXT) throw tooLong('string', bytes.length);
      this.#out.codeUInt32(Op.BINUNICODE, bytes.length);
      this.#out.bytes(bytes);
    }
    this.#texts.set(text, this.#memoSize);
    this.#mark();
  }

  #integer(value: number | bigint): void {
    if (typeof value === 'number' && value >= -(2 ** 31) && value < 2 ** 31) {
      if (value < 0 || value > 0xffff) this.#out.codeInt32(Op.BININT, value);
      else if (value > 0xff) this.#out.codeUInt16(Op.BININT2, value);
      else this.#out.two(Op.BININT1, value);
      return;
    }
    const bytes = encodeLong(value);
    if (bytes.length < 256) this.#out.two(Op.LONG1, bytes.length);
    else this.#out.codeInt32(Op.LONG4, bytes.length);
    this.#out.bytes(bytes);
  }

  #get(slot: number): void {
    if (slot < 256) this.#out.two(Op.BINGET, slot);
    else this.#out.codeUInt32(Op.LONG_BINGET, slot);
  }

  #put(node: PyNode): void {
    this.#nodes.set(node, this.#memoSize);
    this.#mark();
  }

  #mark(): void {
    const slot = this.#memoSize++;
    if (slot < 256) this.#out.two(Op.BINPUT, slot);
    else this.#out.codeUInt32(Op.LONG_BINPUT, slot);
  }
}

/** A `list` itself: one item by APPEND, else batches of 1000 by APPENDS. */
function exactListBatches(list: PyList): Task[] {
  const { items } = list;
  if (items.length === 1) return [items[0] as Value, APPEND];
  const tasks: Task[] = [];
  for (let start = 0; start < items.length; start += BATCH) {
    tasks.push(MARK);
    for (const item of items.slice(start, start + BATCH)) tasks.push(item);
    tasks.push(APPENDS);
  }
  return tasks;
}

/**
 * A `dict` itself: one pair by SETITEM, else batches of 1000 by SETITEMS. CPython goes on after a full batch without looking whether
 * anything is left, so 1000 pairs are followed by an empty batch.
 */
function exactDictBatches(dict: PyDict): Task[] {
  const { keys, values } = dict;
  if (keys.length === 0) return [];
  if (keys.length === 1) return [keys[0] as Value, values[0] as Value, SETITEM];
  const tasks: Task[] = [];
  let start = 0;
  for (;;) {
    const end = Math.min(start + BATCH, keys.length);
    tasks.push(MARK);
    for (let i = start; i < end; i++) tasks.push(keys[i] as Value, values[i] as Value);
    tasks.push(SETITEMS);
    if (end - start < BATCH) return tasks;
    start = end;
  }
}

/** Items of an object that Python gave by an iterator: a lone one at the end goes by SETITEM or APPEND. */
function iteratedBatches(count: number, at: (index: number) => Task[], one: Closing, many: Closing): Task[] {
  const tasks: Task[] = [];
  for (let start = 0; start < count; start += BATCH) {
    const end = Math.min(start + BATCH, count);
    if (end - start === 1) {
      tasks.push(...at(start), one);
      continue;
    }
    tasks.push(MARK);
    for (let i = start; i < end; i++) for (const task of at(i)) tasks.push(task);
    tasks.push(many);
  }
  return tasks;
}

function effectBatches(effect: Effect): Task[] {
  switch (effect.op) {
    case 'append':
      return iteratedBatches(effect.items.length, (i) => [effect.items[i] as Value], APPEND, APPENDS);
    case 'set':
      return iteratedBatches(
        effect.keys.length,
        (i) => [effect.keys[i] as Value, effect.values[i] as Value],
        SETITEM,
        SETITEMS,
      );
    case 'build':
      return [effect.state, BUILD];
    case 'add':
      throw new RefusedError('items added to an object by ADDITEMS have no form in protocol 2');
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

function tooLong(noun: string, length: number): RefusedError {
  return new RefusedError(`a ${noun} of ${length} bytes is longer than protocol 2 can say (4 GiB - 1)`);
}
