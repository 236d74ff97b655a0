import type { Segment } from '../io/segment.ts';
import type { PyGlobal } from '../pickle/values.ts';
import type { Dtype } from '../torch/dtypes.ts';

/** A run of elements that one or several tensors view. */
export interface Storage {
  /** Name in the container: `0` for the record `data/0`. */
  readonly key: string;
  /** The storage class as the pickle names it: `torch.FloatStorage`, `torch.storage.UntypedStorage` … */
  readonly storageClass: PyGlobal;
  /** Undefined for an UntypedStorage, whose tensors each bring their dtype. */
  readonly dtype: Dtype | undefined;
  /** Where torch would put it: `cpu`, `cuda:0`, `mps` … the tag as the file spells it. */
  readonly location: string;
  /** Number of elements, or of bytes where `dtype` is undefined. */
  readonly numel: number;
  /** Bytes that the pickle claims: `numel` times the element size. */
  readonly bytes: number;
  /** Offset in the file where the bytes are contiguous there, else null. */
  readonly fileOffset: number | null;
  /** Where the bytes come from; undefined where the container has no record for the storage. */
  readonly content: Segment | undefined;
  /** CRC-32 that the container declares for the content; undefined where it declares none. */
  readonly crc32: number | undefined;
  /** Bytes of a multi-byte element are in this order in `content`. */
  readonly byteOrder: 'little' | 'big';
}
