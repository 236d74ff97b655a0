import type { Value } from '../pickle/values.ts';
import type { Dtype } from './dtypes.ts';

export type TensorKind = 'tensor' | 'parameter' | 'quantized' | 'sparse' | 'nested' | 'meta' | 'subclass';

/** What a rebuild call says of the tensor that it makes. */
export interface TensorForm {
  readonly kind: TensorKind;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** In elements; empty for layouts that have no strides. */
  readonly stride: readonly number[];
  /** In elements of `dtype`. */
  readonly storageOffset: number;
  readonly requiresGrad: boolean;
  /** torch's lazy bits: the bytes are those of the conjugate, of the negative. */
  readonly conj: boolean;
  readonly neg: boolean;
  /** The value that stands for the storage: a persistent id. Undefined where the tensor has none of its own. */
  readonly storage: Value | undefined;
  /** The device that the call itself names, of tensors for devices that have no storages: `xla:0`. */
  readonly device?: string;
  /** The elements stand in a numpy array of the pickle, in no storage. */
  readonly array?: true;
  /** Values of the tensors that this one is made of: indices and values, scales and zero points, the inner tensor of a subclass. */
  readonly parts: readonly Value[];
}
