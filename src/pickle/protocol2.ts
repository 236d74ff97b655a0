import { RefusedError } from '../io/errors.ts';
import {
  EMPTY_TUPLE,
  type PyBytes,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  type PySet,
  PyTuple,
} from './values.ts';

/** Protocol 2 writes bytes as text, so they pass through memory; beyond this a checkpoint needs its arrays as tensors. */
export const MOST_INLINE_BYTES: number = 256 * 2 ** 20;

/**
 * How protocol 2 says what later protocols have opcodes for, as CPython's pickler does it: `bytes` and `bytearray` as latin-1 text,
 * sets by a call with a list. Globals are made once per encoding, for the memo.
 */
export class Protocol2 {
  readonly #globals = new Map<string, PyGlobal>();
  readonly #known: ReadonlyMap<string, PyGlobal>;

  /** `known` are the globals of the graph itself, so that one name stays one object. */
  constructor(known: ReadonlyMap<string, PyGlobal> = new Map()) {
    this.#known = known;
  }

  #global(module: string, name: string): PyGlobal {
    const key = `${module}.${name}`;
    const known = this.#known.get(key) ?? this.#globals.get(key);
    if (known) return known;
    const made = new PyGlobal(module, name);
    this.#globals.set(key, made);
    return made;
  }

  #call(module: string, name: string, ...args: PyTuple['items']): PyObject {
    return new PyObject('reduce', this.#global(module, name), args.length ? new PyTuple(args) : EMPTY_TUPLE);
  }

  /** The call that builds a bytes object. @throws RefusedError where its content was not loaded before. */
  bytes(node: PyBytes): PyObject {
    if (!(node.content instanceof Uint8Array)) {
      throw new RefusedError(
        `${node.type} of ${node.length} bytes stand inside the pickle; protocol 2 would have to write them as text, which can't be done for a payload of this size`,
      );
    }
    const text = Buffer.from(node.content.buffer, node.content.byteOffset, node.content.length).toString(
      'latin1',
    );
    if (node.type === 'bytearray') return this.#call('__builtin__', 'bytearray', text, 'latin-1');
    // for no bytes at all CPython calls bytes(), which weights_only does not take
    return this.#call('_codecs', 'encode', text, 'latin1');
  }

  set(node: PySet): PyObject {
    return this.#call('__builtin__', node.frozen ? 'frozenset' : 'set', new PyList(node.items));
  }

  /** `cls.__new__(cls, *args, **kwargs)` as a call of a partial, which is what CPython writes below protocol 4. */
  newWithKeywords(node: PyObject): PyObject {
    const args = node.args instanceof PyTuple ? node.args.items : [];
    if (node.kwargs instanceof PyDict && node.kwargs.keys.length === 0) {
      return withEffects(new PyObject('newobj', node.callable, node.args), node);
    }
    const construct = this.#call('__builtin__', 'getattr', node.callable, '__new__');
    const partial = this.#call('functools', 'partial', construct);
    const positional = new PyTuple([node.callable, ...args]);
    partial.effects = [
      { op: 'build', state: new PyTuple([construct, positional, node.kwargs ?? null, null]) },
    ];
    return withEffects(new PyObject('reduce', partial, EMPTY_TUPLE), node);
  }

  /** INST and OBJ: a call of the class, and for a class without arguments its bare instance, as Python 3 reads them. */
  instance(node: PyObject): PyObject {
    const bare = node.args instanceof PyTuple && node.args.items.length === 0;
    return withEffects(new PyObject(bare ? 'newobj' : 'reduce', node.callable, node.args), node);
  }
}

function withEffects(made: PyObject, from: PyObject): PyObject {
  made.effects = from.effects;
  return made;
}
