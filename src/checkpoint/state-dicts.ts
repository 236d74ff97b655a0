import { EMPTY_TUPLE, entriesOf, PyDict, PyObject, type Value } from '../pickle/values.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Path } from './path.ts';
import type { Tensor } from './tensor.ts';
import { TensorFinder } from './tensor-index.ts';
import { type Place, pathOf, walkNodes } from './walk.ts';

/** Keys and values of a mapping, side by side. */
export interface Items {
  readonly keys: Value[];
  readonly values: Value[];
}

/** A mapping that holds tensors under string keys: the `state_dict` of a model, an EMA copy, a slot of an optimizer … */
export interface StateDict {
  /** Where it stands first; empty for the root. */
  readonly path: Path;
  readonly node: PyDict | PyObject;
  /** All keys with their values, tensors or not. Read them here, write to `runs`. */
  readonly keys: readonly Value[];
  readonly values: readonly Value[];
  /** The same in the arrays that the node itself holds: to write to them changes the checkpoint. */
  readonly runs: readonly Items[];
  /** The string keys under which a tensor stands, in order, and those tensors. */
  readonly tensorKeys: readonly string[];
  readonly tensors: readonly Tensor[];
  /** It stands in a mapping that has `param_groups`, as the `state_dict` of every torch optimizer has. */
  readonly inOptimizer: boolean;
}

/**
 * Every mapping that holds tensors under string keys, in the order of the stream, each once however often it is shared.
 * The attributes of an object that is no mapping (`module.weight` set by `__setstate__`) are not keys and do not count.
 */
export function findStateDicts(checkpoint: Checkpoint): StateDict[] {
  const finder = new TensorFinder(checkpoint.tensors);
  // the walk asks in the order of the list as well, but is elsewhere in it
  const leaves = new TensorFinder(checkpoint.tensors);
  const found: StateDict[] = [];
  const optimizers = new Set<Place | undefined>();
  walkNodes(
    checkpoint.root,
    (node, place) => {
      const entries = entriesOf(node);
      const inOptimizer =
        (place !== undefined && optimizers.has(place.parent)) || !!entries?.keys.includes('param_groups');
      if (inOptimizer) optimizers.add(place);
      if (!(node instanceof PyDict || node instanceof PyObject)) return undefined;
      if (!entries) return undefined;
      const { keys, values } = entries;
      const held = tensorsUnder(entries, finder);
      if (held.tensors.length > 0) {
        const runs = runsOf(node, { keys, values });
        found.push({ path: pathOf(place), node, keys, values, runs, ...held, inOptimizer });
      }
      if (held.tensors.length < values.length || !isNothingElse(node)) return undefined;
      leaves.passNext(values);
      return false;
    },
    { has: (node) => leaves.find(node) !== undefined },
  );
  return found;
}

/** The mapping is its items: no attributes, no arguments, so that there is nothing to enter where those are tensors. */
function isNothingElse(node: PyDict | PyObject): boolean {
  if (node instanceof PyDict) return true;
  const { args, kwargs, effects } = node;
  return args === EMPTY_TUPLE && kwargs === undefined && effects?.length === 1 && effects[0]?.op === 'set';
}

type Held = Pick<StateDict, 'tensorKeys' | 'tensors'>;

function tensorsUnder(entries: Items, finder: TensorFinder): Held {
  const { keys, values } = entries;
  const next = keys.every((key) => typeof key === 'string') ? finder.findNext(values) : undefined;
  if (next) return { tensorKeys: keys.slice() as string[], tensors: next };
  const tensorKeys: string[] = [];
  const held: Tensor[] = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const tensor = typeof key === 'string' ? finder.find(values[i] as Value) : undefined;
    if (tensor) {
      tensorKeys.push(key as string);
      held.push(tensor);
    }
  }
  return { tensorKeys, tensors: held };
}

/** The runs of items that a mapping holds: one for a dict and for what any pickler writes, several where a stream goes on after BUILD. */
function runsOf(node: PyDict | PyObject, entries: Items): readonly Items[] {
  if (node instanceof PyDict) return [node];
  const runs = node.effects?.filter((effect) => effect.op === 'set');
  return runs?.length ? runs : [entries];
}
