import type { Loadable } from '../checkpoint/checkpoint.ts';
import { eachChild } from '../checkpoint/children.ts';
import { readSegment } from '../io/segment.ts';
import {
  argumentsOf,
  callableName,
  EMPTY_TUPLE,
  isNode,
  PyDict,
  PyGlobal,
  PyList,
  type PyNode,
  PyObject,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';
import { tensorForm } from '../torch/rebuild.ts';
import type { Archive } from './archive.ts';

/** The code of one file; a larger one was not written by torch. */
const LONGEST_CODE = 64 * 2 ** 20;
/** Shared submodules stand at every path; no model has this many. */
const MOST_MODULES = 1_000_000;
const ORDERED_DICT = new PyGlobal('collections', 'OrderedDict');
/** Index of `requires_grad` among the arguments of the calls that TorchScript writes. */
const REQUIRES_GRAD: Readonly<Record<string, number>> = {
  'torch._utils._rebuild_tensor_v2': 4,
  'torch._utils._rebuild_tensor_v3': 4,
  'torch._utils._rebuild_qtensor': 5,
};

/** Names that a class declares; undefined where its code does not say. */
interface ClassNames {
  readonly parameters: ReadonlySet<string>;
  readonly buffers: ReadonlySet<string>;
}

/** A module that is to be gone through. */
interface Frame {
  readonly node: PyNode;
  readonly prefix: string;
  readonly ancestors: ReadonlySet<PyNode>;
}

/**
 * The modules of a TorchScript archive as the state_dict that `torch.jit.load(…).state_dict()` gives: the parameters of each module,
 * then its buffers, then its children. Which attributes are parameters and buffers its code declares; where it does not, every
 * tensor counts. Quantized weights, which TorchScript hides in packed objects, stand where the state_dict of the eager module has
 * them. requires_grad is off, as in every state_dict.
 */
export async function torchScriptStateDict(root: Value, archive: Archive): Promise<Loadable> {
  const classes = new ClassReader(archive);
  const keys: Value[] = [];
  const values: Value[] = [];
  let plain = 0;
  const frames: Frame[] = isNode(root) ? [{ node: root, prefix: '', ancestors: new Set() }] : [];
  for (let done = 0; frames.length > 0 && done < MOST_MODULES; done++) {
    const { node, prefix, ancestors } = frames.pop() as Frame;
    const attributes = attributesOf(node);
    if (!attributes) continue;
    const declared = await classes.of(node);
    const parameters: [string, Value][] = [];
    const buffers: [string, Value][] = [];
    const packed: [string, Value][] = [];
    const children: Frame[] = [];
    const within = new Set(ancestors).add(node);
    for (const [index, key] of attributes.keys.entries()) {
      if (typeof key !== 'string') continue;
      const value = attributes.values[index] as Value;
      const name = `${prefix}${key}`;
      if (tensorForm(value)) {
        if (!declared || declared.buffers.has(key)) buffers.push([name, value]);
        else if (declared.parameters.has(key)) parameters.push([name, value]);
        else plain += 1;
      } else if (isModule(value, root)) {
        const state = packedState(value);
        if (state) packed.push([name, state]);
        else if (!within.has(value)) children.push({ node: value, prefix: `${name}.`, ancestors: within });
      } else plain += tensorsWithin(value);
    }
    for (const [name, value] of [...parameters, ...buffers, ...packed]) {
      keys.push(name);
      values.push(detached(value));
    }
    frames.push(...children.reverse());
  }
  const stateDict = new PyObject('reduce', ORDERED_DICT, EMPTY_TUPLE);
  if (keys.length > 0) stateDict.effects = [{ op: 'set', keys, values }];
  return {
    root: stateDict,
    notes: [
      'the code of the TorchScript module is left out: what is written is its state_dict',
      ...(plain > 0
        ? [`${plain} tensors that are neither parameters nor buffers are left out, as by state_dict()`]
        : []),
    ],
  };
}

/** TorchScript names the classes of modules `__torch__.…`; where the root came out of a `model.json`, modules are dicts. */
function isModule(value: Value, root: Value): value is PyDict | PyObject {
  if (value instanceof PyDict) return root instanceof PyDict;
  return callableName(value)?.startsWith('__torch__.') ?? false;
}

function attributesOf(node: PyNode): PyDict | undefined {
  if (node instanceof PyDict) return node;
  const state = node instanceof PyObject ? stateOf(node) : undefined;
  return state instanceof PyDict ? state : undefined;
}

/**
 * What a class of C++ (`__torch__.torch.classes.quantized.…`) keeps, and a module with a `__getstate__` of its own, as quantized layers
 * had it before torch 1.8: weight and bias among numbers.
 */
function packedState(object: PyDict | PyObject): Value | undefined {
  const state = object instanceof PyDict ? undefined : stateOf(object);
  if (state === undefined || state instanceof PyDict) return undefined;
  return tensorsWithin(state) > 0 ? state : undefined;
}

/** Tensors directly in a list, tuple or dict, and in those within it. */
function tensorsWithin(value: Value): number {
  const seen = new Set<PyNode>();
  const open = [value];
  let tensors = 0;
  while (open.length > 0) {
    const next = open.pop() as Value;
    if (!isNode(next) || seen.has(next) || next.kind === 'persistent') continue;
    seen.add(next);
    if (tensorForm(next)) tensors += 1;
    else eachChild(next, (child) => open.push(child));
  }
  return tensors;
}

/** A copy without requires_grad and without the tags of types that only TorchScript understands. */
function detached(value: Value, depth = 0): Value {
  // state of a packed object is three deep: version, lists, tensors
  if (depth > 8 || !isNode(value)) return value;
  if (value instanceof PyTuple) return new PyTuple(value.items.map((item) => detached(item, depth + 1)));
  if (value instanceof PyList) return new PyList(value.items.map((item) => detached(item, depth + 1)));
  if (!(value instanceof PyObject)) return value;
  const name = callableName(value) ?? '';
  if (/^torch\.jit\._pickle\.(restore_type_tag|build_\w+list)$/.test(name)) {
    return detached(argumentsOf(value)[0] ?? null, depth + 1);
  }
  const at = REQUIRES_GRAD[name];
  if (at === undefined || argumentsOf(value)[at] === undefined) return value;
  const args = [...argumentsOf(value)];
  args[at] = false;
  return new PyObject(value.construct, value.callable, new PyTuple(args), value.offset);
}

/** Reads from the code which attributes of a class are parameters and buffers. */
class ClassReader {
  readonly #archive: Archive;
  readonly #files = new Map<string, Promise<ReadonlyMap<string, ClassNames>>>();

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  async of(node: PyNode): Promise<ClassNames | undefined> {
    const { callable } = node instanceof PyObject ? node : { callable: undefined };
    if (!(callable instanceof PyGlobal)) return undefined;
    const record = `code/${callable.module.replaceAll('.', '/')}.py`;
    let file = this.#files.get(record);
    if (!file) {
      file = this.#read(record);
      this.#files.set(record, file);
    }
    return (await file).get(callable.name);
  }

  async #read(record: string): Promise<ReadonlyMap<string, ClassNames>> {
    const classes = new Map<string, ClassNames>();
    const content = this.#archive.content(record);
    if (!content || content.length > LONGEST_CODE) return classes;
    const code = Buffer.from(await readSegment(content, LONGEST_CODE)).toString('utf8');
    const head =
      /^class (\S+?)\(Module\):\n {2}__parameters__ = \[(.*)\]\n(?: {2}__buffers__ = \[(.*)\]\n)?/gm;
    for (const [, name, parameters, buffers] of code.matchAll(head)) {
      // torch before 1.6 does not tell buffers from other tensors
      if (buffers !== undefined)
        classes.set(name as string, { parameters: names(parameters), buffers: names(buffers) });
    }
    return classes;
  }
}

/** The names of `"weight", "bias", `. */
function names(list = ''): ReadonlySet<string> {
  return new Set(Array.from(list.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, name]) => name as string));
}
