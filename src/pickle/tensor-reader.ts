import type { MachineState } from './machine-state.ts';
import { LONGEST_TEXT, OpcodeCursor } from './opcode-cursor.ts';
import { Op } from './opcodes.ts';
import { StorageReference, TensorCall, type TensorMould } from './tensor-call.ts';
import type { TextWindow } from './text-window.ts';
import { PyGlobal, type Value } from './values.ts';

/** No tensor that is read here takes more bytes with its key: three short texts, and two tuples of a few numbers. */
const LONGEST = 1024;
const REBUILD = 'torch._utils._rebuild_tensor_v2';

/**
 * Reads a tensor at one go where it stands as torch.save writes it, and the memo goes on as a pickler's does:
 *
 *     MARK MARK 'storage' class BINUNICODE key PUT location numel [NONE] TUPLE PUT BINPERSID
 *     offset size PUT stride PUT requires_grad OrderedDict EMPTY_TUPLE REDUCE PUT TUPLE PUT REDUCE
 *
 * with GETs for what stood before. In a dict of tensors each is put aside, and the key and the function of the next one follow:
 *
 *     PUT BINUNICODE name PUT rebuild
 *
 * All else is left to the machine, which runs it opcode by opcode. Both make the same values, note the same calls and count the same
 * opcodes: what is read here is read sooner, and takes less memory.
 */
export class TensorReader {
  readonly #state: MachineState;
  readonly #opcodes: Uint32Array;
  readonly #cursor: OpcodeCursor;
  readonly #moulds: TensorMould[] = [];
  #rebuild: PyGlobal | undefined;

  constructor(state: MachineState, opcodes: Uint32Array, texts: TextWindow) {
    this.#state = state;
    this.#opcodes = opcodes;
    this.#cursor = new OpcodeCursor(state.memo, texts);
  }

  /** Whether a tensor may begin with a value that the stream takes from its memo. */
  beginsWith(value: Value): boolean {
    if (value === this.#rebuild) return true;
    if (!(value instanceof PyGlobal) || this.#rebuild || value.qualifiedName !== REBUILD) return false;
    this.#rebuild = value;
    return true;
  }

  /**
   * Reads what follows the name of the function, which stands on the stack, and puts the tensor in its place; then, as long as they
   * come, the keys and tensors of a dict.
   * @param at Where that starts in the window.
   * @returns Where the last of the tensors ends in the window; 0 where the first has another form, and nothing was done.
   */
  read(window: Buffer, at: number): number {
    const { stack } = this.#state;
    const cursor = this.#cursor;
    if (!this.#start(window, at)) return 0;
    let tensor = this.#tensor();
    if (!tensor) return 0;
    stack[stack.length - 1] = tensor;
    for (let end = cursor.at; ; end = cursor.at) {
      if (!this.#start(window, end)) return end;
      cursor.put();
      const name = cursor.text();
      if (cursor.recalled() !== this.#rebuild) return end;
      const next = this.#tensor(tensor, name);
      if (!next) return end;
      next.mould.rebuild.uses++;
      stack.push(name, next);
      tensor = next;
    }
  }

  #start(window: Buffer, at: number): boolean {
    const slot = this.#state.memo.next;
    if (slot === undefined || window.length - at < LONGEST) return false;
    this.#cursor.start(window, at, slot);
    return true;
  }

  /**
   * Reads a tensor behind the name of its function, and notes it. `before` and `name` were put aside since the start of the cursor.
   * Undefined where it has another form; nothing was noted then.
   */
  #tensor(before?: TensorCall, name?: string): TensorCall | undefined {
    const cursor = this.#cursor;
    cursor.take(Op.MARK);
    cursor.take(Op.MARK);
    if (cursor.recalled() !== 'storage') return undefined;
    const storageClass = cursor.recalled();
    const key = cursor.text();
    const isSaid = cursor.next() === Op.BINUNICODE;
    const location = isSaid ? cursor.text() : cursor.recalled();
    const numel = cursor.number();
    const withView = cursor.takeIf(Op.NONE);
    cursor.take(Op.TUPLE);
    const firstSlot = cursor.slot;
    cursor.put();
    cursor.take(Op.BINPERSID);
    const storageOffset = cursor.number();
    const shape = cursor.tuple();
    const stride = cursor.tuple();
    const requiresGrad = cursor.takeIf(Op.NEWTRUE);
    if (!requiresGrad) cursor.take(Op.NEWFALSE);
    const hooks = cursor.recalled();
    cursor.take(Op.EMPTY_TUPLE);
    cursor.take(Op.REDUCE);
    cursor.put();
    cursor.take(Op.TUPLE);
    cursor.put();
    cursor.take(Op.REDUCE);
    if (cursor.isLost || shape.length !== stride.length) return undefined;
    if (typeof location !== 'string' || location.length > LONGEST_TEXT) return undefined;
    if (!(storageClass instanceof PyGlobal) || !isOrderedDict(hooks)) return undefined;

    const { memo, calls, persistents, base } = this.#state;
    const mould = this.#mouldOf(storageClass, location, hooks, withView, requiresGrad);
    const storage = new StorageReference(mould, persistents.length, key, numel);
    const tensor = new TensorCall(storage, storageOffset, shape, stride, firstSlot, base + cursor.at - 1);
    if (before) {
      memo.putNext(before);
      memo.putNext(name as string);
    }
    memo.putNext(key);
    if (isSaid) memo.putNext(location);
    memo.putNextParts(tensor);
    calls.push(tensor);
    persistents.push(storage);
    storageClass.uses++;
    hooks.uses++;
    cursor.count(this.#opcodes);
    return tensor;
  }

  #mouldOf(
    storageClass: PyGlobal,
    location: string,
    hooks: PyGlobal,
    withView: boolean,
    requiresGrad: boolean,
  ): TensorMould {
    for (const mould of this.#moulds) {
      if (
        mould.storageClass === storageClass &&
        mould.location === location &&
        mould.hooks === hooks &&
        mould.withView === withView &&
        mould.requiresGrad === requiresGrad
      )
        return mould;
    }
    const rebuild = this.#rebuild as PyGlobal;
    const made = { rebuild, storageClass, location, hooks, withView, requiresGrad };
    this.#moulds.push(made);
    return made;
  }
}

function isOrderedDict(value: Value | undefined): value is PyGlobal {
  return value instanceof PyGlobal && value.qualifiedName === 'collections.OrderedDict';
}
