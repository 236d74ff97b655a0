import { UnreadableError } from '../io/errors.ts';
import { LONGEST_HASHED, LongKeys } from '../io/long-keys.ts';
import { describe } from './effects.ts';
import { Memo } from './memo.ts';
import { opcodeName } from './opcodes.ts';
import type { OddityKind, PickleOddity } from './trace.ts';
import { PyExtension, PyGlobal, PyObject, PyPersistent, PyTuple, type Value } from './values.ts';

const MOST_ODDITIES = 1000;
const NOTHING_TO_TAKE = 'the stack has nothing to take';

/** What the opcodes of a stream work on: the stack with its marks, the memo, and what was met on the way. */
export class MachineState {
  /** Offset in the pickle of the opcode that is being run. */
  position = 0;
  /** The part of the stream that is at hand, and the offset in the pickle of its first byte. */
  window: Buffer = Buffer.alloc(0);
  base = 0;
  readonly stack: Value[] = [];
  readonly memo = new Memo();
  /** Number after PROTO; the highest, where there are several. */
  protocol = 0;
  /** Every call, in its order, also where its result is thrown away. */
  readonly calls: PyObject[] = [];
  readonly oddities: PickleOddity[] = [];
  /** Every name by `module\nname`, in the order of first mention. */
  readonly globals = new Map<string, PyGlobal>();
  /** Every persistent id in the order of the stream. */
  readonly persistents: PyPersistent[] = [];
  /** Out-of-band buffers so far. */
  buffers = 0;
  /** Height of the stack at the last mark: what is below can't be taken before the mark is. */
  fence = 0;
  readonly #longKeys = new LongKeys();
  /** The fences under this one. */
  readonly #fences: number[] = [];

  /** The error for what is wrong at `position`. */
  fault(what: string): UnreadableError {
    const code = this.window[this.position - this.base] as number;
    return new UnreadableError(
      'bad-pickle',
      `bad pickle: opcode ${opcodeName(code)} at offset ${this.position}: ${what}`,
      this.position,
    );
  }

  pop(): Value {
    if (this.stack.length <= this.fence) throw this.fault(NOTHING_TO_TAKE);
    return this.stack.pop() as Value;
  }

  top(): Value {
    const { length } = this.stack;
    if (length <= this.fence) throw this.fault(NOTHING_TO_TAKE);
    return this.stack[length - 1] as Value;
  }

  /** Takes a value or, where nothing stands above the last mark, that mark. */
  drop(): void {
    if (this.stack.length > this.fence) this.stack.pop();
    else if (this.#fences.length > 0) this.closeMark();
    else throw this.fault(NOTHING_TO_TAKE);
  }

  get openMarks(): number {
    return this.#fences.length;
  }

  mark(): void {
    this.#fences.push(this.fence);
    this.fence = this.stack.length;
  }

  /** Takes the last mark away; the values above it stand from the height that is returned. */
  closeMark(): number {
    const below = this.#fences.pop();
    if (below === undefined) throw this.fault('no MARK before it');
    const height = this.fence;
    this.fence = below;
    return height;
  }

  /** Takes the last mark and the values above it. */
  popMark(): Value[] {
    const start = this.closeMark();
    // twice as fast as splice, which every tuple and list would feel
    const items = this.stack.slice(start);
    this.stack.length = start;
    return items;
  }

  /** Puts the value of a memo slot on the stack. */
  recall(slot: number): Value {
    const value = this.memo.get(slot);
    if (value === undefined) throw this.fault(`memo slot ${slot} was never filled`);
    if (value instanceof PyGlobal) value.uses++;
    this.stack.push(value);
    return value;
  }

  /** Puts what a call would build on the stack, and notes the call. */
  call(object: PyObject): void {
    const { callable } = object;
    const canBeCalled =
      callable instanceof PyGlobal ||
      callable instanceof PyObject ||
      callable instanceof PyPersistent ||
      callable instanceof PyExtension;
    if (!canBeCalled) throw this.fault(`${describe(callable)} can't be called`);
    this.calls.push(object);
    this.stack.push(object);
  }

  note(kind: OddityKind, what: string): void {
    // the first few say all: what comes after is the same trick again
    if (this.oddities.length < MOST_ODDITIES) this.oddities.push({ kind, offset: this.position, what });
  }

  /** Of every text by which something is going to be looked up. */
  mindKey(key: Value): void {
    if (typeof key === 'string' && key.length > LONGEST_HASHED) this.#longKeys.add(key.length, this.position);
  }

  persist(id: Value): void {
    if (id instanceof PyTuple) {
      const { items } = id;
      for (let i = 0; i < items.length; i++) this.mindKey(items[i] as Value);
    } else this.mindKey(id);
    const node = new PyPersistent(id);
    this.persistents.push(node);
    this.stack.push(node);
  }

  global(module: string, name: string): PyGlobal {
    const key = `${module}\n${name}`;
    this.mindKey(key);
    const known = this.globals.get(key);
    if (known) {
      known.uses++;
      return known;
    }
    const made = new PyGlobal(module, name, this.position);
    this.globals.set(key, made);
    return made;
  }
}
