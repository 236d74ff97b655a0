import type { Storage } from '../checkpoint/storage.ts';
import type { NumpyArray } from '../formats/numpy-arrays.ts';
import { TensorGraph } from '../formats/tensor-graph.ts';
import { MemorySource } from '../io/byte-source.ts';
import type { ConvertedSegment, Segment } from '../io/segment.ts';
import { CAST_TARGETS, castOf } from '../numeric/casts.ts';
import { isNode, type PyObject, type PyPersistent, type Value } from '../pickle/values.ts';
import type { Dtype } from '../torch/dtypes.ts';
import { arrayStride } from '../torch/numpy-array.ts';

/** Makes tensors of numpy arrays, as `torch.from_numpy(array).to(dtype)` would. */
export class ArrayTensors {
  readonly #graph = new TensorGraph();
  /** Storages with the bytes of an array as they are, which `torch.from_numpy` shares; by the value that holds the bytes. */
  readonly #shared = new Map<Value, Storage>();

  /** The storages of the tensors made so far. */
  get storageOf(): ReadonlyMap<PyPersistent, Storage> {
    return this.#graph.table().storageOf;
  }

  /** Undefined where the array would have to be cast in a way that isn't known. */
  tensorOf(array: NumpyArray, dtype: Dtype, requiresGrad: boolean): PyObject | undefined {
    const { shape, data } = array;
    const isShared = array.dtype === dtype && data !== undefined && isNode(data);
    const view = { shape: [...shape], stride: arrayStride(array), requiresGrad };
    const known = isShared ? this.#shared.get(data) : undefined;
    if (known) return this.#graph.tensor(known, view);
    const elements = shape.reduce((product, size) => product * size, 1);
    const content = castContent(arrayContent(array, elements), array.dtype, dtype, elements);
    if (!content) return undefined;
    const storage = this.#graph.storage({
      key: `numpy.${this.#graph.table().storages.length}`,
      dtype,
      bytes: content.length,
      content,
      fileOffset: null,
    });
    if (isShared) this.#shared.set(data, storage);
    return this.#graph.tensor(storage, view);
  }
}

function arrayContent({ bytes: { held, range }, dtype }: NumpyArray, elements: number): Segment {
  const length = elements * dtype.itemSize;
  return held ? { source: new MemorySource(held), offset: 0, length } : { ...range, length };
}

function castContent(content: Segment, from: Dtype, to: Dtype, elements: number): Segment | undefined {
  if (from === to) return content;
  const target = CAST_TARGETS.find((name) => name === to.name);
  const run = target && castOf(from, target);
  if (!run) return undefined;
  const converted: ConvertedSegment = {
    from: content,
    unitBefore: from.itemSize,
    unitAfter: to.itemSize,
    length: elements * to.itemSize,
    convert: run,
  };
  return converted;
}
