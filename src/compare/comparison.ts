import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import type { NumbersDifference } from './difference.ts';

/** One of the two checkpoints, and which part of it was compared. */
export interface ComparedSide {
  readonly checkpoint: Checkpoint;
  /** Dotted name of the part that was compared; empty for the whole checkpoint. */
  readonly part: string;
  /** How many tensors that part has, before a filter. */
  readonly tensors: number;
}

/** A tensor of one side under the name by which both sides are compared. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** How a tensor was found again that has another name on the other side. */
export type RenamedBy = 'wrapper' | 'prefix' | 'content';

/** A tensor of each side that are taken for the same one. */
export interface TensorPair {
  readonly a: NamedTensor;
  readonly b: NamedTensor;
  /** There where the names differ. */
  readonly renamedBy?: RenamedBy;
}

/** What the descriptions of two tensors can differ in. */
export const ASPECTS = ['shape', 'dtype', 'kind', 'location'] as const;
export type Aspect = (typeof ASPECTS)[number];

export interface AspectDifference {
  readonly aspect: Aspect;
  readonly a: string;
  readonly b: string;
}

/** How the elements of two tensors compare. */
export type ValuesVerdict =
  | { readonly verdict: 'same' }
  /** `numbers` is undefined where the elements are no numbers that could be subtracted: packed ones, and tensors of several parts. */
  | { readonly verdict: 'different'; readonly numbers?: NumbersDifference }
  /** Another shape, another kind of number, or no bytes on one of the sides. */
  | { readonly verdict: 'not-comparable'; readonly reason: string };

export interface ComparedPair extends TensorPair {
  readonly differences: readonly AspectDifference[];
  /** Undefined where values were not asked for. */
  readonly values?: ValuesVerdict;
}

/** A value that is no tensor and that differs; undefined on the side where there is none. */
export interface ValueDifference {
  readonly name: string;
  readonly a?: string;
  readonly b?: string;
}

/** What two checkpoints have in common, and what not. */
export interface Comparison {
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  /** What was left out, or done before names could be compared, in words. */
  readonly notes: readonly string[];
  /** Whether elements were compared too. */
  readonly withValues: boolean;
  /** Tensors that stand in b alone, and in a alone. */
  readonly added: readonly NamedTensor[];
  readonly removed: readonly NamedTensor[];
  /** All tensors that stand on both sides, in the order of a. */
  readonly pairs: readonly ComparedPair[];
  readonly values: readonly ValueDifference[];
}

/** Whether a tensor of both sides is another one there, whatever it is called. */
export function hasChanged({ differences, values }: ComparedPair): boolean {
  return differences.length > 0 || values?.verdict === 'different';
}

/** Whether two checkpoints are the same in all that was compared. */
export function isSame({ added, removed, pairs, values }: Comparison): boolean {
  return (
    added.length === 0 &&
    removed.length === 0 &&
    values.length === 0 &&
    pairs.every((pair) => !pair.renamedBy && !hasChanged(pair))
  );
}
