import {
  argumentsOf,
  callableName,
  EMPTY_TUPLE,
  entriesOf,
  lookup,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PySet,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';
import { tensorForm } from '../torch/rebuild.ts';

const ORDERED_DICT = new PyGlobal('collections', 'OrderedDict');
/** A module that is shared stands at every path; no model has this many. */
const MOST_MODULES = 1_000_000;
const PARAMETER = /^torch\._utils\._rebuild_parameter(_with_state)?$|^torch\.nn\.parameter\.Parameter$/;
const EARLY_VARIABLE = /^torch\.(nn\.parameter\.Parameter|autograd\.variable\.Variable)$/;

interface Frame {
  readonly state: PyDict;
  readonly prefix: string;
  readonly ancestors: ReadonlySet<PyDict>;
}

/**
 * The state_dict of a pickled `torch.nn.Module`: the parameters of each module, then the buffers that it would save, then its
 * children; a parameter is the plain tensor in it. Undefined where the value is no module.
 */
export function moduleStateDict(value: Value): PyObject | undefined {
  const top = moduleState(value);
  if (!top) return undefined;
  const keys: Value[] = [];
  const values: Value[] = [];
  const frames: Frame[] = [{ state: top, prefix: '', ancestors: new Set() }];
  for (let done = 0; frames.length > 0 && done < MOST_MODULES; done++) {
    const { state, prefix, ancestors } = frames.pop() as Frame;
    const add = (name: Value, value: Value) => {
      const tensor = plainTensor(value);
      if (tensorForm(tensor) === undefined) return;
      keys.push(`${prefix}${name}`);
      values.push(tensor);
    };
    each(lookup(state, '_parameters'), add);
    const unsaved = new Set(setItems(lookup(state, '_non_persistent_buffers_set')));
    each(lookup(state, '_buffers'), (name, tensor) => {
      if (!unsaved.has(name)) add(name, tensor);
    });
    const within = new Set(ancestors).add(state);
    const children: Frame[] = [];
    each(lookup(state, '_modules'), (name, child) => {
      const inner = moduleState(child);
      if (inner && !within.has(inner))
        children.push({ state: inner, prefix: `${prefix}${name}.`, ancestors: within });
    });
    frames.push(...children.reverse());
  }
  const stateDict = new PyObject('reduce', ORDERED_DICT, EMPTY_TUPLE);
  if (keys.length > 0) stateDict.effects = [{ op: 'set', keys, values }];
  return stateDict;
}

/** Whether a value is a pickled `torch.nn.Module`. */
export function isModule(value: Value): boolean {
  return moduleState(value) !== undefined;
}

/** A set as later protocols have it, or as protocol 2 does: a call with a list. */
function setItems(value: Value | undefined): readonly Value[] {
  if (value instanceof PySet) return value.items;
  if (!(value instanceof PyObject) || !/^(__builtin__|builtins)\.set$/.test(callableName(value) ?? ''))
    return [];
  const [items] = argumentsOf(value);
  return items instanceof PyList ? items.items : [];
}

/** What `Module.__setstate__` gets. */
function moduleState(value: Value): PyDict | undefined {
  const state = value instanceof PyObject ? stateOf(value) : undefined;
  return state instanceof PyDict &&
    lookup(state, '_parameters') !== undefined &&
    lookup(state, '_modules') !== undefined
    ? state
    : undefined;
}

function each(mapping: Value | undefined, visit: (key: Value, value: Value) => void): void {
  const entries = mapping === undefined ? undefined : entriesOf(mapping);
  for (const [index, key] of (entries?.keys ?? []).entries()) visit(key, entries?.values[index] as Value);
}

/**
 * `_rebuild_parameter(tensor, requires_grad, hooks)`: the tensor, which never requires a gradient itself. torch 0.1 pickled
 * parameters and variables as objects whose state begins with the tensor.
 */
function plainTensor(value: Value): Value {
  if (!(value instanceof PyObject)) return value;
  const name = callableName(value) ?? '';
  const [data] = argumentsOf(value);
  if (PARAMETER.test(name) && data !== undefined) return data;
  const state = EARLY_VARIABLE.test(name) ? stateOf(value) : undefined;
  return state instanceof PyTuple ? (state.items[0] ?? value) : value;
}
