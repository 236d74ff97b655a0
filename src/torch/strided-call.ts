import {
  argumentsOf,
  callableName,
  PyGlobal,
  type PyNode,
  PyObject,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';

/** What places a tensor on its storage: a call, or the arguments that another function hands on to it. */
export interface StridedCall {
  /** Qualified name of the function, or of the class whose state this is. */
  readonly name: string;
  /** The live arguments; storage, offset, size and stride come first. */
  readonly items: Value[];
  /** Puts another function, or another class, in the place of this one. */
  readonly rename: (callable: PyGlobal) => void;
}

const STRIDED = /^torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|qtensor)$/;
/** Functions whose first argument is the tensor that they dress up. */
const AROUND =
  /^torch\._utils\._rebuild_(parameter|parameter_with_state|device_tensor_from_cpu_tensor)$|^torch\.nn\.parameter\.Parameter$/;
const FROM_TYPE = /^torch\.(_tensor|tensor)\._rebuild_from_type(_v2)?$/;
const TENSOR_CLASS = /^torch\.(cuda\.)?[A-Z]\w*Tensor$|^torch\.Tensor$/;
/** Parameters in parameters: torch nests two or three deep. */
const DEEPEST = 16;

/** Finds the strided call within a tensor; undefined where it has none: sparse, nested and meta tensors, subclasses around others. */
export function stridedCall(tensor: PyNode): StridedCall | undefined {
  let node: Value | undefined = tensor;
  for (let depth = 0; depth < DEEPEST; depth++) {
    if (!(node instanceof PyObject)) return undefined;
    const object: PyObject = node;
    const name = callableName(object) ?? '';
    if (STRIDED.test(name)) return callOf(object, name);
    if (AROUND.test(name)) node = argumentsOf(object)[0];
    else if (FROM_TYPE.test(name)) {
      const inner = handedOn(object);
      if (inner) return inner;
      const [func, , args] = argumentsOf(object);
      if (!(func instanceof PyGlobal && AROUND.test(func.qualifiedName) && args instanceof PyTuple))
        return undefined;
      node = args.items[0];
    } else return TENSOR_CLASS.test(name) ? stateCall(object, name) : undefined;
  }
  return undefined;
}

function callOf(object: PyObject, name: string): StridedCall | undefined {
  if (!(object.args instanceof PyTuple)) return undefined;
  const rename = (callable: PyGlobal) => {
    object.callable = callable;
  };
  return { name, items: object.args.items, rename };
}

/** `_rebuild_from_type_v2(function, class, arguments, state)` */
function handedOn(object: PyObject): StridedCall | undefined {
  if (!(object.args instanceof PyTuple)) return undefined;
  const { items } = object.args;
  const [func, , args] = items;
  if (!(func instanceof PyGlobal && STRIDED.test(func.qualifiedName) && args instanceof PyTuple))
    return undefined;
  const rename = (callable: PyGlobal) => {
    items[0] = callable;
  };
  return { name: func.qualifiedName, items: args.items, rename };
}

/** torch before 0.2: `torch.FloatTensor()` with the state `(storage, offset, size, stride)`. */
function stateCall(object: PyObject, name: string): StridedCall | undefined {
  const state = stateOf(object);
  if (!(state instanceof PyTuple) || state.items.length < 4) return undefined;
  const rename = (callable: PyGlobal) => {
    object.callable = callable;
  };
  return { name, items: state.items, rename };
}

/** A copy of a tensor that can be placed elsewhere: the same but for the objects that say where it stands. */
export function copyTensor(tensor: PyObject): PyObject {
  const top = shallowCopy(tensor);
  let node = top;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const name = callableName(node) ?? '';
    if (!(node.args instanceof PyTuple)) break;
    let tuple = node.args;
    if (FROM_TYPE.test(name) && tuple.items[2] instanceof PyTuple) {
      const handed = new PyTuple([...tuple.items[2].items]);
      tuple.items[2] = handed;
      tuple = handed;
    } else if (!AROUND.test(name)) break;
    const [inner] = tuple.items;
    if (!(inner instanceof PyObject)) break;
    node = shallowCopy(inner);
    tuple.items[0] = node;
  }
  return top;
}

function shallowCopy(object: PyObject): PyObject {
  const args = object.args instanceof PyTuple ? new PyTuple([...object.args.items]) : object.args;
  const copy = new PyObject(object.construct, object.callable, args, object.offset, object.kwargs);
  copy.effects = object.effects?.map((effect) =>
    effect.op === 'build' && effect.state instanceof PyTuple
      ? { op: 'build', state: new PyTuple([...effect.state.items]) }
      : effect,
  );
  return copy;
}
