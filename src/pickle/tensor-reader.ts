import type { MachineState } from './machine-state.ts';
import { Op } from './opcodes.ts';
import { StorageReference, slotsOfParts, TensorCall, type TensorMould } from './tensor-call.ts';
import type { TextWindow } from './text-window.ts';
import { PyGlobal, type Value } from './values.ts';

/** No tensor that is read here takes more bytes: two short texts, and two tuples of a few numbers. */
const LONGEST = 1024;
const LONGEST_TEXT = 255;
const MOST_DIMENSIONS = 8;
/** Shapes and strides that are remembered, so that the layers of a model share them. A power of two. */
const REMEMBERED = 256;
const REBUILD = 'torch._utils._rebuild_tensor_v2';

/** Where a reader stands that has met something else than it looked for. Nothing stands there, so that it stays lost. */
const LOST = -1;
/** By the number of items. */
const TUPLES: readonly (number | undefined)[] = [undefined, Op.TUPLE1, Op.TUPLE2, Op.TUPLE3];
const NO_NUMBERS: readonly number[] = [];

/**
 * Reads a tensor at one go where it stands as torch.save writes it, and the memo goes on as a pickler's does:
 *
 *     MARK MARK 'storage' class BINUNICODE key PUT location numel [NONE] TUPLE PUT BINPERSID
 *     offset size PUT stride PUT requires_grad OrderedDict EMPTY_TUPLE REDUCE PUT TUPLE PUT REDUCE
 *
 * with GETs for what stood before. All else is left to the machine, which runs it opcode by opcode. Both make the same values, note
 * the same calls and count the same opcodes: what is read here is read sooner, and takes less memory.
 */
export class TensorReader {
  readonly #state: MachineState;
  readonly #opcodes: Uint32Array;
  readonly #texts: TextWindow;
  readonly #moulds: TensorMould[] = [];
  readonly #shapes: (readonly number[])[] = new Array(REMEMBERED).fill(NO_NUMBERS);
  readonly #numbers: number[] = new Array(MOST_DIMENSIONS).fill(0);
  /** The opcodes of what is being read, to be counted once it is a tensor. */
  readonly #passed = new Uint8Array(LONGEST);
  #steps = 0;
  #rebuild: PyGlobal | undefined;
  #window: Buffer = Buffer.alloc(0);
  /** Where in the window the next opcode stands, or `LOST`. */
  #at = 0;
  /** The memo slot that a pickler fills next. */
  #slot = 0;

  constructor(state: MachineState, opcodes: Uint32Array, texts: TextWindow) {
    this.#state = state;
    this.#opcodes = opcodes;
    this.#texts = texts;
  }

  /** Whether a tensor may begin with a value that the stream takes from its memo. */
  beginsWith(value: Value): boolean {
    if (value === this.#rebuild) return true;
    if (!(value instanceof PyGlobal) || this.#rebuild || value.qualifiedName !== REBUILD) return false;
    this.#rebuild = value;
    return true;
  }

  /**
   * Reads what follows the name of the function, which stands on the stack, and puts the tensor in its place.
   * @param at Where that starts in the window.
   * @returns Where the tensor ends in the window; 0 where it has another form, and nothing was done.
   */
  read(window: Buffer, at: number): number {
    const { memo } = this.#state;
    const slot = memo.next;
    if (slot === undefined || window.length - at < LONGEST) return 0;
    this.#window = window;
    this.#at = at;
    this.#slot = slot;
    this.#steps = 0;

    this.#take(Op.MARK);
    this.#take(Op.MARK);
    if (this.#recalled() !== 'storage') return 0;
    const storageClass = this.#recalled();
    const key = this.#text();
    const isSaid = this.#window[this.#at] === Op.BINUNICODE;
    const location = isSaid ? this.#text() : this.#recalled();
    const numel = this.#number();
    const withView = this.#has(Op.NONE);
    this.#take(Op.TUPLE);
    const firstSlot = this.#slot;
    this.#put();
    this.#take(Op.BINPERSID);
    const storageOffset = this.#number();
    const shape = this.#tuple();
    const stride = this.#tuple();
    const requiresGrad = this.#has(Op.NEWTRUE);
    if (!requiresGrad) this.#take(Op.NEWFALSE);
    const hooks = this.#recalled();
    this.#take(Op.EMPTY_TUPLE);
    this.#take(Op.REDUCE);
    this.#put();
    this.#take(Op.TUPLE);
    this.#put();
    this.#take(Op.REDUCE);
    if (this.#at === LOST || shape.length !== stride.length) return 0;
    if (typeof location !== 'string' || location.length > LONGEST_TEXT) return 0;
    if (!(storageClass instanceof PyGlobal) || !isOrderedDict(hooks)) return 0;

    const mould = this.#mouldOf(storageClass, location, hooks, withView);
    const { calls, persistents } = this.#state;
    const storage = new StorageReference(mould, persistents.length, key, numel);
    const offset = this.#state.base + this.#at - 1;
    const tensor = new TensorCall(
      calls.length,
      storage,
      storageOffset,
      shape,
      stride,
      requiresGrad,
      firstSlot,
      offset,
    );
    memo.put(slot, key);
    if (isSaid) memo.put(slot + 1, location);
    memo.putParts(tensor, slotsOfParts(shape.length));
    this.#note(tensor);
    return this.#at;
  }

  #note(tensor: TensorCall): void {
    const { stack, calls, persistents } = this.#state;
    stack[stack.length - 1] = tensor;
    calls.push(tensor);
    persistents.push(tensor.storage);
    tensor.mould.storageClass.uses++;
    tensor.mould.hooks.uses++;
    const opcodes = this.#opcodes;
    for (let step = 0; step < this.#steps; step++) {
      const code = this.#passed[step] as number;
      opcodes[code] = (opcodes[code] as number) + 1;
    }
  }

  #mouldOf(storageClass: PyGlobal, location: string, hooks: PyGlobal, withView: boolean): TensorMould {
    const known = this.#moulds.find(
      (mould) =>
        mould.storageClass === storageClass &&
        mould.location === location &&
        mould.hooks === hooks &&
        mould.withView === withView,
    );
    if (known) return known;
    const rebuild = this.#rebuild as PyGlobal;
    const made = { rebuild, storageClass, location, hooks, withView };
    this.#moulds.push(made);
    return made;
  }

  /** Goes past an opcode with `argumentBytes` behind it. */
  #pass(code: number, argumentBytes: number): void {
    this.#passed[this.#steps++] = code;
    this.#at += 1 + argumentBytes;
  }

  #take(code: number): void {
    if (this.#window[this.#at] === code) this.#pass(code, 0);
    else this.#at = LOST;
  }

  #has(code: number): boolean {
    if (this.#window[this.#at] !== code) return false;
    this.#pass(code, 0);
    return true;
  }

  /** A number that is not negative, as picklers write those below 2^31. */
  #number(): number {
    const window = this.#window;
    const at = this.#at;
    const code = window[at];
    const low = window[at + 1] as number;
    if (code === Op.BININT1) {
      this.#pass(code, 1);
      return low;
    }
    if (code === Op.BININT2) {
      this.#pass(code, 2);
      return low | ((window[at + 2] as number) << 8);
    }
    const high = window[at + 4] as number;
    if (code !== Op.BININT || high > 0x7f) {
      this.#at = LOST;
      return 0;
    }
    this.#pass(code, 4);
    return low | ((window[at + 2] as number) << 8) | ((window[at + 3] as number) << 16) | (high << 24);
  }

  /** The four bytes behind an opcode, as a number. */
  #word(at: number): number {
    const window = this.#window;
    const high = (window[at + 4] as number) * 0x1000000;
    return (
      high +
      ((window[at + 1] as number) | ((window[at + 2] as number) << 8) | ((window[at + 3] as number) << 16))
    );
  }

  #recalled(): Value | undefined {
    const at = this.#at;
    const code = this.#window[at];
    if (code === Op.BINGET) {
      this.#pass(code, 1);
      return this.#state.memo.get(this.#window[at + 1] as number);
    }
    if (code === Op.LONG_BINGET) {
      this.#pass(code, 4);
      return this.#state.memo.get(this.#word(at));
    }
    this.#at = LOST;
    return undefined;
  }

  #put(): void {
    const at = this.#at;
    const slot = this.#slot++;
    const code = this.#window[at];
    if (code === Op.BINPUT && this.#window[at + 1] === slot) this.#pass(code, 1);
    else if (code === Op.LONG_BINPUT && slot > 0xff && this.#word(at) === slot) this.#pass(code, 4);
    else this.#at = LOST;
  }

  /** A short text, and that it is put aside. */
  #text(): string {
    const at = this.#at;
    const length = this.#word(at);
    if (this.#window[at] === Op.BINUNICODE && length <= LONGEST_TEXT) {
      const start = at + 5;
      const text = this.#texts.read(start, start + length);
      this.#pass(Op.BINUNICODE, 4 + length);
      this.#put();
      if (text !== undefined) return text;
    }
    this.#at = LOST;
    return '';
  }

  /** A size or a stride, and that it is put aside. */
  #tuple(): readonly number[] {
    if (this.#has(Op.EMPTY_TUPLE)) return NO_NUMBERS;
    const numbers = this.#numbers;
    const isMarked = this.#has(Op.MARK);
    let count = 0;
    while (count < MOST_DIMENSIONS && isNumber(this.#window[this.#at])) numbers[count++] = this.#number();
    const code = isMarked ? Op.TUPLE : TUPLES[count];
    if (count === 0 || code === undefined) this.#at = LOST;
    else this.#take(code);
    this.#put();
    return this.#at === LOST ? NO_NUMBERS : this.#shared(count);
  }

  /** The first `count` of the numbers that were read last, mostly in the same array as the last time they were these. */
  #shared(count: number): readonly number[] {
    const numbers = this.#numbers;
    let hash = count;
    for (let i = 0; i < count; i++) hash = Math.imul(hash, 31) + (numbers[i] as number);
    const place = (hash ^ (hash >>> 9)) & (REMEMBERED - 1);
    const known = this.#shapes[place] as readonly number[];
    let same = 0;
    while (same < count && known[same] === numbers[same]) same++;
    if (same === count && known.length === count) return known;
    const kept = numbers.slice(0, count);
    this.#shapes[place] = kept;
    return kept;
  }
}

function isNumber(code: number | undefined): boolean {
  return code === Op.BININT1 || code === Op.BININT2 || code === Op.BININT;
}

function isOrderedDict(value: Value | undefined): value is PyGlobal {
  return value instanceof PyGlobal && value.qualifiedName === 'collections.OrderedDict';
}
