import type { Path } from '../checkpoint/path.ts';
import type { StateDict } from '../checkpoint/state-dicts.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { namesUnder } from './wording.ts';

/**
 * What a floating-point tensor is for, as far as name and shape show: the parameters and running statistics of normalisation layers
 * are often kept wide on purpose, and a buffer (a table of frequencies, a schedule) never meets the activations of a layer.
 */
export type WeightRole = 'weight' | 'normalisation' | 'buffer';

export interface Weight {
  /** Name in the checkpoint. */
  readonly name: string;
  readonly role: WeightRole;
  readonly tensor: Tensor;
}

/** 8-bit floats are left out: they are quantized weights, which other dtypes accompany by design. */
const COMPARED_DTYPES = new Set(['float16', 'bfloat16', 'float32', 'float64']);
/** Numbers that serve a quantized weight, by the names that bitsandbytes, GPTQ, AWQ and fp8 checkpoints use. */
const COMPANION = /(^|[._])(scales?|scale_inv|zeros|zero_points?|absmax|quant_map|SCB|amax)$/;
/** Last part of a key that names the parameter of a layer. */
export const WEIGHT_NAME =
  /(^|_)(weight|bias|kernel|gamma|beta|embedding|embeddings|embed|token|proj|projection|parameter)(_|$)/;
const NORMALISATION_NAME = /norm|^(bn|ln|gn)(\d|_|$)/i;
/** Attributes under which a pickled module keeps what `state_dict()` would list. */
const MODULE_ATTRIBUTES = new Set(['_parameters', '_buffers', '_modules']);

/**
 * The floating-point tensors of one model: one state_dict, or all modules of a pickled module tree. Most models have one dtype, which
 * `dtypes` tells at little cost; what each tensor is for is only worked out for those who ask.
 */
export class WeightGroup {
  readonly path: Path;
  /** Which of the compared dtypes occur. */
  readonly dtypes: ReadonlySet<string>;
  readonly #members: readonly StateDict[];
  #weights: readonly Weight[] | undefined;
  #mainDtype: string | undefined;
  #hasWeights: boolean | undefined;

  constructor(path: Path, members: readonly StateDict[]) {
    this.path = path;
    this.#members = members;
    const dtypes = new Set<string>();
    let last: Tensor['dtype'] | undefined;
    for (const { tensors } of members)
      for (let i = 0; i < tensors.length; i++) {
        const tensor = tensors[i] as Tensor;
        if (tensor.dtype === last || !isCompared(tensor)) continue;
        last = tensor.dtype;
        dtypes.add(last.name);
      }
    this.dtypes = dtypes;
  }

  /** Empty where no tensor is the weight of a layer: a dict of features, of random states. */
  get weights(): readonly Weight[] {
    if (!this.#weights) {
      const weights = this.#members.flatMap(weightsOf);
      this.#weights = weights.some(({ role }) => role === 'weight') ? weights : [];
    }
    return this.#weights;
  }

  /** Whether there are `weights`: a look at one of them tells, in nearly every model. */
  get hasWeights(): boolean {
    this.#hasWeights ??= (!this.#weights && this.#members.some(showsWeight)) || this.weights.length > 0;
    return this.#hasWeights;
  }

  /** Name of the dtype that holds most elements; empty where there are no weights. */
  get mainDtype(): string {
    this.#mainDtype ??=
      this.dtypes.size > 1
        ? dtypeOfMostElements(this.weights)
        : this.hasWeights
          ? [...this.dtypes].join()
          : '';
    return this.#mainDtype;
  }
}

/** One group for each model; optimizer state is none. */
export function findWeightGroups(stateDicts: readonly StateDict[]): WeightGroup[] {
  const models = new Map<string, { path: Path; members: StateDict[] }>();
  for (const stateDict of stateDicts) {
    if (stateDict.inOptimizer) continue;
    const path = modelPath(stateDict.path);
    const key = JSON.stringify(path);
    const model = models.get(key) ?? { path, members: [] };
    model.members.push(stateDict);
    models.set(key, model);
  }
  return [...models.values()].map(({ path, members }) => new WeightGroup(path, members));
}

/** A single number meets any dtype: torch promotes nothing for it. */
function isCompared(tensor: Tensor): boolean {
  return COMPARED_DTYPES.has(tensor.dtype.name) && tensor.elements > 1;
}

function modelPath(path: Path): Path {
  const inside = path.findIndex((segment) => MODULE_ATTRIBUTES.has(String(segment)));
  return inside < 0 ? path : path.slice(0, inside);
}

function weightsOf(stateDict: StateDict): Weight[] {
  const { path, tensorKeys, tensors } = stateDict;
  const normalisations = normalisationModules(stateDict);
  const weights: Weight[] = [];
  const nameOf = namesUnder(path);
  tensors.forEach((tensor, index) => {
    const key = tensorKeys[index] as string;
    if (!isCompared(tensor) || COMPANION.test(key)) return;
    const [module, leaf] = splitKey(key);
    const role = normalisations.has(module)
      ? 'normalisation'
      : isNamedWeight(tensor, leaf)
        ? 'weight'
        : 'buffer';
    weights.push({ name: nameOf(key), role, tensor });
  });
  return weights;
}

function isNamedWeight(tensor: Tensor, leaf: string): boolean {
  return tensor.kind === 'parameter' || WEIGHT_NAME.test(leaf);
}

/** Whether the first tensor that is called like a weight is one. Where it is not, another may be. */
function showsWeight(stateDict: StateDict): boolean {
  const { tensorKeys, tensors } = stateDict;
  const first = tensorKeys.findIndex((key, index) => {
    const tensor = tensors[index] as Tensor;
    return isCompared(tensor) && !COMPANION.test(key) && isNamedWeight(tensor, splitKey(key)[1]);
  });
  if (first < 0) return false;
  const [module] = splitKey(tensorKeys[first] as string);
  return !tensorKeys.some((key, index) => {
    if (!key.startsWith(module)) return false;
    const [own, leaf] = splitKey(key);
    return own === module && normalises(stateDict, tensors[index] as Tensor, own, leaf);
  });
}

function normalisationModules(stateDict: StateDict): Set<string> {
  const modules = new Set<string>();
  stateDict.tensors.forEach((tensor, index) => {
    const [module, leaf] = splitKey(stateDict.tensorKeys[index] as string);
    if (normalises(stateDict, tensor, module, leaf)) modules.add(module);
  });
  return modules;
}

/** Modules normalise by running statistics, by a weight of one dimension, which no linear or convolution has, or by name. */
function normalises({ path }: StateDict, tensor: Tensor, module: string, leaf: string): boolean {
  if (leaf === 'running_mean' || (leaf === 'weight' && tensor.shape.length === 1)) return true;
  const own = module.slice(module.lastIndexOf('.') + 1);
  return NORMALISATION_NAME.test(own || String(path.at(path.at(-1) === '_parameters' ? -2 : -1) ?? ''));
}

function splitKey(key: string): [module: string, leaf: string] {
  const dot = key.lastIndexOf('.');
  return dot < 0 ? ['', key] : [key.slice(0, dot), key.slice(dot + 1)];
}

function dtypeOfMostElements(weights: readonly Weight[]): string {
  const elements = new Map<string, number>();
  for (const { tensor } of weights)
    elements.set(tensor.dtype.name, (elements.get(tensor.dtype.name) ?? 0) + tensor.elements);
  return [...elements].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}
