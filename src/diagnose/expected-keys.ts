import type { Path } from '../checkpoint/path.ts';
import type { StateDict } from '../checkpoint/state-dicts.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { PyObject } from '../pickle/values.ts';

/** A tensor that the user's model has. */
export interface ExpectedTensor {
  readonly shape: readonly number[];
  /** By torch's name; left out where any will do. */
  readonly dtype?: string;
}

/** What the user's model has, and would take from a checkpoint. */
export interface ExpectedKeys {
  /** By the key that `model.state_dict()` gives it. */
  readonly keys: ReadonlyMap<string, ExpectedTensor>;
  /** Number of parameters in each group of the optimizer. */
  readonly optimizerGroups?: readonly number[];
}

export interface Mismatch {
  readonly key: string;
  readonly expected: ExpectedTensor;
  readonly found: Tensor;
}

/** A state_dict held against the model that would load it. */
export interface KeyComparison {
  /** The state_dict that was compared; undefined where the checkpoint has none. */
  readonly stateDict: StateDict | undefined;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly shapes: readonly Mismatch[];
  readonly dtypes: readonly Mismatch[];
  /** One prefix that explains every key: the keys of the checkpoint have it too much, or lack it. */
  readonly prefix: { readonly text: string; readonly surplus: boolean } | undefined;
}

/**
 * Compares the state_dict that has most keys in common with the model, as `load_state_dict` with `strict=True` would. Where no key
 * matches, it is the one with most tensors: the reader then sees both sides of a renaming.
 */
export function compareKeys(stateDicts: readonly StateDict[], { keys }: ExpectedKeys): KeyComparison {
  const stateDict = bestMatch(stateDicts, keys);
  const found = new Map<string, Tensor>();
  stateDict?.tensorKeys.forEach((key, index) => {
    found.set(key, stateDict.tensors[index] as Tensor);
  });
  const missing: string[] = [];
  const shapes: Mismatch[] = [];
  const dtypes: Mismatch[] = [];
  for (const [key, expected] of keys) {
    const tensor = found.get(key);
    if (!tensor) {
      if (!isFilledIn(key, stateDict)) missing.push(key);
      continue;
    }
    if (!fits(expected.shape, tensor.shape)) shapes.push({ key, expected, found: tensor });
    if (expected.dtype !== undefined && expected.dtype !== tensor.dtype.name)
      dtypes.push({ key, expected, found: tensor });
  }
  const unexpected = [...found.keys()].filter((key) => !keys.has(key));
  return { stateDict, missing, unexpected, shapes, dtypes, prefix: commonPrefix(found, keys, missing) };
}

/** The flags of `fix` that give the keys the names that the model has; none where no prefix explains them all. */
export function renamingFlags({ prefix }: KeyComparison): readonly string[] {
  if (!prefix) return [];
  if (!prefix.surplus) return ['--add-prefix', prefix.text];
  return prefix.text === 'module.' ? ['--strip-module'] : ['--strip-prefix', prefix.text];
}

/** Where the compared state_dict stands. */
export function comparedPath({ stateDict }: KeyComparison): Path {
  return stateDict?.path ?? [];
}

function bestMatch(
  stateDicts: readonly StateDict[],
  keys: ReadonlyMap<string, ExpectedTensor>,
): StateDict | undefined {
  let best: StateDict | undefined;
  let bestScore = [-1, -1];
  for (const stateDict of stateDicts) {
    if (stateDict.inOptimizer) continue;
    const { tensorKeys } = stateDict;
    const score = [tensorKeys.filter((key) => keys.has(key)).length, tensorKeys.length];
    if (compare(score, bestScore) <= 0) continue;
    best = stateDict;
    bestScore = score;
  }
  return best;
}

function compare(a: readonly number[], b: readonly number[]): number {
  return (a[0] as number) - (b[0] as number) || (a[1] as number) - (b[1] as number);
}

/** torch 2.13 takes the first element of a vector for a single number, because torch 0.3 saved numbers as vectors. */
function fits(expected: readonly number[], found: readonly number[]): boolean {
  if (expected.length === 0 && found.length === 1) return (found[0] as number) > 0;
  return expected.length === found.length && expected.every((size, axis) => size === found[axis]);
}

/** Batch normalisation counts from zero where a state_dict without `_metadata` has no counter: it comes from before torch 0.4.1. */
function isFilledIn(key: string, stateDict: StateDict | undefined): boolean {
  if (!stateDict || !/(^|\.)num_batches_tracked$/.test(key)) return false;
  const { node } = stateDict;
  return !(node instanceof PyObject && node.effects?.some(({ op }) => op === 'build'));
}

function commonPrefix(
  found: ReadonlyMap<string, Tensor>,
  keys: ReadonlyMap<string, ExpectedTensor>,
  missing: readonly string[],
): KeyComparison['prefix'] {
  const [key] = missing;
  if (key === undefined || missing.length < keys.size) return undefined;
  const wanted = [...keys.keys()];
  const present = [...found.keys()];
  for (const name of present) {
    const surplus = name.length > key.length;
    const [long, short] = surplus ? [name, key] : [key, name];
    if (!long.endsWith(`.${short}`)) continue;
    const text = long.slice(0, -short.length);
    const explains = surplus
      ? wanted.every((each) => found.has(text + each))
      : present.every((each) => keys.has(text + each));
    if (explains) return { text, surplus };
  }
  return undefined;
}
