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
  /**
   * Undefined for meta tensors, for those whose elements stand in a numpy array of the pickle, and for sparse and nested ones, whose
   * parts have storages of their own.
   */
  readonly storage: Storage | undefined;
  /** The device that the rebuild call names, of tensors for devices that have no storages (XLA): `xla:0`. */
  readonly device?: string | undefined;
  /** The elements stand in a numpy array of the pickle: of XLA tensors as torch_xla saved them before torch 2.6. */
  readonly array?: true | undefined;
  readonly requiresGrad: boolean;
  /** The bytes are those of the conjugate, or of the negative: torch's lazy bits. */
  readonly conj: boolean;
  readonly neg: boolean;
  /** The tensors that this one is made of: indices and values, scales and zero points, the inner tensor of a subclass. */
  readonly parts: readonly Tensor[];
  /** The object in the value graph. */
  readonly node: PyNode;
}

/** Where torch would put a tensor; undefined where that is said by its parts alone. */
export function locationOf({ device, storage, kind }: Tensor): string | undefined {
  return device ?? storage?.location ?? (kind === 'meta' ? 'meta' : undefined);
}

export type { TensorKind };
