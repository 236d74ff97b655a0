import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { findWeights } from '../checkpoint/find-weights.ts';
import { listTensors } from '../checkpoint/listing.ts';
import { moduleStateDict } from '../checkpoint/module-state.ts';
import { pathName } from '../checkpoint/path.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { WRAPPER_PREFIXES } from '../diagnose/wrappers.ts';
import type { Value } from '../pickle/values.ts';
import type { NamedTensor } from './comparison.ts';

/** A part of a checkpoint whose names may be those of the other side. */
export interface Part {
  /** Dotted name; empty for the whole. */
  readonly name: string;
  readonly root: Value;
  readonly tensors: readonly NamedTensor[];
  /** What had to be done to have these names, in words; undefined for what stands so in the file. */
  readonly made?: string;
}

/**
 * The parts of two checkpoints that are compared: those with the most names in common. The whole, where that is as good as the
 * weights; else the state_dict, wherever each side keeps it.
 */
export async function chooseParts(a: Checkpoint, b: Checkpoint): Promise<readonly [Part, Part]> {
  const wholes = [wholeOf(a), wholeOf(b)] as const;
  const weights = [await weightsOf(a), await weightsOf(b)] as const;
  const candidates: (readonly [Part, Part])[] = [wholes];
  if (weights[0]) candidates.push([weights[0], wholes[1]]);
  if (weights[1]) candidates.push([wholes[0], weights[1]]);
  if (weights[0] && weights[1]) candidates.push([weights[0], weights[1]]);
  let best = wholes as readonly [Part, Part];
  let most = commonNames(...wholes);
  for (const candidate of candidates.slice(1)) {
    const common = commonNames(...candidate);
    if (common <= most) continue;
    most = common;
    best = candidate;
  }
  // where no names tell, weights are more like each other than like anything else
  return most === 0 ? (candidates.at(-1) as readonly [Part, Part]) : best;
}

function wholeOf({ root, tensors }: Checkpoint): Part {
  return { name: '', root, tensors: named(tensors) };
}

/** The state_dict in a checkpoint; undefined where it is the whole, or where none is found. */
async function weightsOf(checkpoint: Checkpoint): Promise<Part | undefined> {
  const loadable = await checkpoint.loadable?.();
  if (loadable) {
    const { tensors } = listTensors(loadable.root, checkpoint.storageOf);
    return { name: '', root: loadable.root, tensors: named(tensors), made: 'its modules as a state_dict' };
  }
  const found = findWeights(checkpoint);
  if (!('value' in found)) return undefined;
  const name = pathName(found.path);
  if (found.isModule) {
    const root = moduleStateDict(found.value) ?? found.value;
    const { tensors } = listTensors(root, checkpoint.storageOf);
    return { name, root, tensors: named(tensors), made: 'the pickled module as a state_dict' };
  }
  if (found.path.length === 0) return undefined;
  const tensors = checkpoint.tensors.filter(({ path }) =>
    found.path.every((step, index) => path[index] === step),
  );
  return { name, root: found.value, tensors: named(tensors, found.path.length) };
}

/** Names within the part. A name that stands twice (the keys 1 and "1") gets a number, so that each has one of its own. */
function named(tensors: readonly Tensor[], depth = 0): NamedTensor[] {
  const uses = new Map<string, number>();
  return tensors.map((tensor) => {
    const name = depth === 0 ? tensor.name : pathName(tensor.path.slice(depth));
    const use = (uses.get(name) ?? 0) + 1;
    uses.set(name, use);
    return { name: use === 1 ? name : `${name} (${use})`, tensor };
  });
}

function commonNames(a: Part, b: Part): number {
  const names = new Set(b.tensors.map(({ name }) => unwrapped(name)));
  return a.tensors.reduce((sum, { name }) => sum + Number(names.has(unwrapped(name))), 0);
}

const WRAPPERS = new Set(WRAPPER_PREFIXES.map((prefix) => prefix.slice(0, -1)));

/** A name without the parts that wrappers of torch and Lightning put into it. */
export function unwrapped(name: string): string {
  if (!/module\.|_orig_mod\./.test(name)) return name;
  return name
    .split('.')
    .filter((part) => !WRAPPERS.has(part))
    .join('.');
}
