import { entriesOf, isNode, PyDict, type PyNode, PyObject, stateOf, type Value } from '../pickle/values.ts';
import type { Checkpoint } from './checkpoint.ts';
import { isModule } from './module-state.ts';
import { type Path, pathName } from './path.ts';
import { findStateDicts } from './state-dicts.ts';
import { tensorIndex } from './tensor-index.ts';
import { pathOf, walkNodes } from './walk.ts';

/** Where the weights of a model stand. */
export interface FoundWeights {
  readonly path: Path;
  readonly value: Value;
  /** The value is a pickled module, not yet a state_dict. */
  readonly isModule: boolean;
  /** Names of other weights beside them: a moving average, a second model. */
  readonly others: readonly string[];
}

/**
 * Keys under which trainers keep the weights, the usual ones first: Lightning, timm and MMEngine (`state_dict`), fairseq, YOLO and
 * Detectron2 (`model`), DeepSpeed (`module`). A moving average counts where there is nothing else, as in the last checkpoint of a
 * YOLO run.
 */
const KEYS = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model_dict',
  'model',
  'module',
  'net',
  'network',
  'net_state_dict',
  'weights',
  'params',
  'state_dict_ema',
  'model_ema',
  'ema_state_dict',
  'ema_model',
  'params_ema',
  'ema',
];

/** Containers of containers: `{'checkpoint': {'model': {'state_dict': …}}}` is as deep as trainers go. */
const DEEPEST = 4;

/** A mapping or module that may be the weights, and where it stands. */
export interface WeightsCandidate {
  readonly path: Path;
  readonly value: PyNode;
}

/**
 * Finds the one state_dict, or the one pickled module, that holds the weights of the model. Where none or several are as good as
 * each other, those come instead.
 */
export function findWeights(checkpoint: Checkpoint): FoundWeights | readonly WeightsCandidate[] {
  const candidates = candidatesOf(checkpoint);
  const byNode = new Map(candidates.map((candidate) => [candidate.value as Value, candidate]));
  let value = checkpoint.root;
  const path: string[] = [];
  const others: string[] = [];
  for (let depth = 0; depth < DEEPEST; depth++) {
    const child = namedChild(value, path, byNode, candidates);
    if (!child) break;
    others.push(...child.others);
    path.push(child.key);
    value = child.value;
  }
  if (path.length > 0 || byNode.has(value)) return { path, value, isModule: isModule(value), others };
  const outermost = candidates.filter(
    ({ path }) => !candidates.some((other) => other.path.length < path.length && begins(path, other.path)),
  );
  const [only] = outermost;
  if (only && outermost.length === 1) return { ...only, isModule: isModule(only.value), others };
  return outermost;
}

/** State_dicts that are no optimizer's and modules, with where they stand first. */
function candidatesOf(checkpoint: Checkpoint): WeightsCandidate[] {
  const modules: WeightsCandidate[] = [];
  walkNodes(
    checkpoint.root,
    (node, place) => {
      if (!isModule(node)) return undefined;
      modules.push({ path: pathOf(place), value: node });
      return false;
    },
    tensorIndex(checkpoint.tensors),
  );
  const dicts = findStateDicts(checkpoint)
    .filter(({ inOptimizer }) => !inOptimizer)
    .map(({ path, node }) => ({ path, value: node }))
    .filter(({ path }) => !modules.some((module) => begins(path, module.path)));
  return [...modules, ...dicts];
}

/** The weights among the items of a mapping, by their key. A state_dict with dotted keys of its own is what it is. */
function namedChild(
  value: Value,
  path: readonly string[],
  byNode: ReadonlyMap<Value, WeightsCandidate>,
  candidates: readonly WeightsCandidate[],
): { key: string; value: Value; others: string[] } | undefined {
  const entries = entriesOf(value) ?? attributesOf(value);
  if (!entries || isModule(value)) return undefined;
  const isStateDict =
    byNode.has(value) && entries.keys.some((key) => typeof key === 'string' && key.includes('.'));
  if (isStateDict) return undefined;
  const holds = (child: Value, key: string) =>
    byNode.has(child) ||
    (isNode(child) && candidates.some((candidate) => begins(candidate.path, [...path, key])));
  const found = KEYS.flatMap((key) => {
    const index = entries.keys.lastIndexOf(key);
    const child = entries.values[index];
    return child !== undefined && holds(child, key) ? [{ key, value: child }] : [];
  });
  const [first, ...rest] = found;
  return first && { ...first, others: rest.map(({ key }) => pathName([...path, key])) };
}

/** A trainer that was pickled whole: fastai's Learner keeps its module as the attribute `model`. */
function attributesOf(value: Value): PyDict | undefined {
  const state = value instanceof PyObject ? stateOf(value) : undefined;
  return state instanceof PyDict ? state : undefined;
}

function begins(path: Path, start: Path): boolean {
  return path.length >= start.length && start.every((segment, index) => path[index] === segment);
}
