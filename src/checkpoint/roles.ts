import { TensorCall } from '../pickle/tensor-call.ts';
import { entriesOf, isNode, PyObject, type Value } from '../pickle/values.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type Path, pathName } from './path.ts';
import { sharedStorages } from './shared-storages.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { tensorIndex } from './tensor-index.ts';

/** What a part of a checkpoint is there for. */
export type RoleName =
  | 'model'
  | 'ema'
  | 'optimizer'
  | 'scheduler'
  | 'scaler'
  | 'rng'
  | 'hyper-parameters'
  | 'callbacks'
  | 'progress'
  | 'metrics'
  | 'other';

export interface Role {
  readonly role: RoleName;
  /** Dotted names of the parts, in the order of the file; empty text for the root itself. */
  readonly paths: readonly string[];
  readonly tensors: number;
  /** Bytes of the storages of those tensors; what several parts share counts for the first of them. */
  readonly bytes: number;
}

/** By name of the key, as the training loops in use spell it; the first that fits counts. */
const ROLES_OF_KEYS: readonly (readonly [RoleName, RegExp])[] = [
  ['ema', /^((.*_)?ema(_.*)?|shadow_params|averaged_model|swa_(model|state_dict)|.*_averaged)$/],
  [
    'scheduler',
    /^((lr_?)?sched(uler)?s?(_.*)?|.*_(lr_?)?sched(uler)?s?(_states?|_state_dict)?|opt_param_scheduler)$/,
  ],
  ['scaler', /^((grad_|loss_)?scaler(_.*)?|amp|amp_scaler|native_amp_scaling_state)$/],
  [
    'optimizer',
    /^(optim(izer)?s?(_.*)?|opt_state(_dict)?|.*_optim(izer)?s?(_states?|_state_dict)?|opt_[dg]|last_optimizer_state)$/,
  ],
  [
    'rng',
    /^(.*_)?(rng|random)(_.*)?_?(states?|seed)s?$|^(rng|torch_manual_seed|torch_cuda_manual_seed|numpy_random_seed)$/,
  ],
  ['callbacks', /^callbacks?$/],
  [
    'hyper-parameters',
    /^(hyper_?param(eter)?s|hparams(_.*)?|(train_|model_)?(args|cfg|config)|opt|options?|params|meta|datamodule_.*)$/,
  ],
  [
    'progress',
    /^(epochs?|(global_|current_)?steps?|iter(ation)?s?|loops|updates|num_updates|n_averaged|version|date|.*_version|completed_steps)$/,
  ],
  [
    'metrics',
    /^(best(_.*)?|.*_loss(es)?|loss(es)?|metrics?(_.*)?|.*_acc(uracy)?|acc(uracy)?\d*|.*_history|history|fitness|train_(results|metrics)|scores?)$/,
  ],
  [
    'model',
    /^((.*_)?state_?dicts?(_.*)?|(.*_)?models?(_.*)?|module|net(work)?s?|weights|(net)?[gd]|generator|discriminator|params_ema|backbone|encoder|decoder|teacher|student)$/,
  ],
];
/** A copy of the weights within a state_dict, as latent diffusion models keep it. */
const EMA_PREFIXES: readonly string[] = ['model_ema.', 'ema.', 'ema_model.', 'averaged_model.'];
/** Levels at which a role is looked for: `checkpoint.model`, `state.optimizers.Adam`. */
const DEEPEST = 3;

interface Sum {
  readonly paths: Set<string>;
  tensors: number;
  bytes: number;
}

/**
 * Tells what the parts of a checkpoint are there for, by the names under which they stand: the model's weights, their EMA copy, the
 * optimizer, hyper-parameters … The largest come first, those without tensors last.
 */
export function rolesOf(checkpoint: Pick<Checkpoint, 'root' | 'tensors' | 'storages'>): Role[] {
  const sums = new Map<RoleName, Sum>();
  const shared = sharedStorages(checkpoint);
  const seen = new Set<Storage>();
  const isNew = (storage: Storage): boolean => {
    if (!shared.has(storage)) return true;
    if (seen.has(storage)) return false;
    seen.add(storage);
    return true;
  };
  /** Keys of the root under which something holds tensors. */
  const withTensors = new Set<string | number | undefined>();
  const isModule = checkpoint.root instanceof PyObject && !entriesOf(checkpoint.root);
  let sum: Sum | undefined;
  let lastPart = THE_ROOT;
  let lastPath: Path = [];
  /** What the name of the last tensor begins with, dot included, where it stands in the root itself: what begins so too has its role. */
  let head = '';
  const { tensors } = checkpoint;
  for (let index = 0; index < tensors.length; index++) {
    const tensor = tensors[index] as Tensor;
    const { path } = tensor;
    const only = path.length === 1 ? path[0] : undefined;
    if (path.length > 1) withTensors.add(path[0]);
    let part = isModule ? THE_ROOT : lastPart;
    if (!isModule && !(head !== '' && typeof only === 'string' && only.startsWith(head))) {
      part = roleOfTensor(tensor);
      head = typeof only === 'string' ? only.slice(0, only.indexOf('.') + 1) : '';
    }
    // most stand in the part of the one before
    if (!sum || part.role !== lastPart.role || !isSameStart(part.depth, path, lastPart.depth, lastPath)) {
      sum = sumOf(sums, part.role);
      sum.paths.add(part.depth === 0 ? '' : pathName(path.slice(0, part.depth)));
    }
    lastPart = part;
    lastPath = path;
    sum.tensors += 1;
    sum.bytes += newBytes(tensor, isNew);
  }
  const { keys, values } = entriesOf(checkpoint.root) ?? { keys: [], values: [] };
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    // as most are
    if (values[index] instanceof TensorCall) continue;
    const role = typeof key === 'string' ? roleOfKey(key) : undefined;
    if (!role || role === 'model' || withTensors.has(key as string)) continue;
    if (!isTensor(values[index] as Value, checkpoint.tensors)) sumOf(sums, role).paths.add(key as string);
  }
  return [...sums]
    .map(([role, { paths, tensors, bytes }]) => ({ role, paths: [...paths], tensors, bytes }))
    .sort((a, b) => b.bytes - a.bytes || b.tensors - a.tensors);
}

function isTensor(value: Value, tensors: readonly Tensor[]): boolean {
  return isNode(value) && tensorIndex(tensors).has(value);
}

function sumOf(sums: Map<RoleName, Sum>, role: RoleName): Sum {
  let sum = sums.get(role);
  if (!sum) {
    sum = { paths: new Set(), tensors: 0, bytes: 0 };
    sums.set(role, sum);
  }
  return sum;
}

/** Whether a path has the same first segments as another. */
function isSameStart(depth: number, path: Path, otherDepth: number, other: Path): boolean {
  if (depth !== otherDepth) return false;
  for (let at = 0; at < depth; at++) if (path[at] !== other[at]) return false;
  return true;
}

function newBytes({ storage, parts, bytes }: Tensor, isNew: (storage: Storage) => boolean): number {
  if (storage) return isNew(storage) ? storage.bytes : 0;
  return parts.length > 0 ? parts.reduce((sum, part) => sum + newBytes(part, isNew), 0) : bytes;
}

interface Part {
  readonly role: RoleName;
  readonly depth: number;
}

const THE_ROOT: Part = { role: 'model', depth: 0 };

/** The role of a tensor, and how many segments of its path lead to the part that has it. */
function roleOfTensor({ path }: Tensor): Part {
  const own = path.length - 1;
  for (let depth = 0; depth < Math.min(path.length, DEEPEST); depth++) {
    const segment = path[depth];
    if (typeof segment !== 'string') continue;
    const role = roleOfKey(segment);
    // a tensor that is itself called `encoder` or `model` is a weight like any other
    if (!role || (role === 'model' && depth === own)) continue;
    if (role === 'model' && isEmaCopy(path[depth + 1])) return { role: 'ema', depth: depth + 1 };
    return { role, depth: depth + 1 };
  }
  if (isEmaCopy(path[own])) return { role: 'ema', depth: own };
  // weights stand under string keys; numbered tensors and the like may be anything
  return typeof path[own] === 'string'
    ? own === 0
      ? THE_ROOT
      : { role: 'model', depth: own }
    : { role: 'other', depth: Math.max(0, own) };
}

function isEmaCopy(segment: string | number | undefined): boolean {
  return typeof segment === 'string' && EMA_PREFIXES.some((prefix) => segment.startsWith(prefix));
}

const KNOWN_KEYS = new Map<string, RoleName | undefined>();
const MOST_KNOWN = 10_000;

function roleOfKey(key: string): RoleName | undefined {
  // names of weights have dots, and the expressions below need not look at a hundred thousand of them
  if (key.includes('.') || key.length > 64) return undefined;
  if (KNOWN_KEYS.has(key)) return KNOWN_KEYS.get(key);
  const lower = key.toLowerCase();
  const role = ROLES_OF_KEYS.find(([, pattern]) => pattern.test(lower))?.[0];
  if (KNOWN_KEYS.size < MOST_KNOWN) KNOWN_KEYS.set(key, role);
  return role;
}
