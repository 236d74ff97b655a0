import type { PyNode } from '../pickle/values.ts';
import type { Dtype } from '../torch/dtypes.ts';
import type { TensorKind } from '../torch/tensor-form.ts';
import type { Path } from './path.ts';
import type { Storage } from './storage.ts';

/** A tensor at one of the places where it stands. A tensor that stands at two paths is listed twice with the same `node`. */
export interface Tensor {
  readonly path: Path;
  /** `path` joined by dots. */
  readonly name: string;
  readonly kind: TensorKind;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** In elements. */
  readonly stride: readonly number[];
  /** In elements of `dtype`. */
  readonly storageOffset: number;
  readonly elements: number;
  /** Bytes of the elements if they stood contiguously. */
  readonly bytes: number;
  /** Undefined for meta tensors, and for sparse and nested ones, whose parts have storages of their own. */
  readonly storage: Storage | undefined;
  readonly requiresGrad: boolean;
  /** The bytes are those of the conjugate, or of the negative: torch's lazy bits. */
  readonly conj: boolean;
  readonly neg: boolean;
  /** The tensors that this one is made of: indices and values, scales and zero points, the inner tensor of a subclass. */
  readonly parts: readonly Tensor[];
  /** The object in the value graph. */
  readonly node: PyNode;
}

export type { TensorKind };
