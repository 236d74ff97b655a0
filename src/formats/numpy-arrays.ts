import type { ByteSource } from '../io/byte-source.ts';
import { type ByteValue, byteValue } from '../pickle/byte-values.ts';
import { replaceNodes } from '../pickle/replace.ts';
import type { PyGlobal, PyNode, Value } from '../pickle/values.ts';
import { arrayStride, buildsArrays, type NumpyArrayForm, numpyArrayForm } from '../torch/numpy-array.ts';
import type { TensorGraph } from './tensor-graph.ts';

/** Names beside numpy's own that a pickle of arrays, containers and plain values has. */
const PLAIN = /^(collections\.(OrderedDict|defaultdict)|_codecs\.encode|(__builtin__|builtins)\.\w+)$/;

/** True for a pickle that holds numpy arrays, containers and plain values, and nothing else. */
export function isMadeOfArrays(globals: readonly PyGlobal[]): boolean {
  return (
    globals.some(({ qualifiedName }) => buildsArrays(qualifiedName)) &&
    globals.every(({ module, qualifiedName }) => /^numpy(\.|$)/.test(module) || PLAIN.test(qualifiedName))
  );
}

/**
 * Puts the tensors in the place of arrays that `torch.from_numpy` would make of them, on the same bytes. Arrays of text, of objects,
 * of structures, and those of another byte order stay arrays.
 *
 * @param source The source that the pickle was decoded from.
 * @returns the root, and the offsets in the source of the payloads that are storages now.
 */
export function arraysToTensors(
  root: Value,
  source: ByteSource,
  graph: TensorGraph,
): { readonly root: Value; readonly taken: ReadonlySet<number> } {
  let storages = 0;
  const taken = new Set<number>();
  const replaced = replaceNodes(root, (node) => {
    const array = arrayOf(node, source);
    if (!array) return undefined;
    const { dtype, shape, bytes } = array;
    const length = shape.reduce((product, size) => product * size, dtype.itemSize);
    if (bytes.range.length < length) return undefined;
    if (bytes.payloadOffset !== undefined) taken.add(bytes.payloadOffset);
    const content = { ...bytes.range, length };
    const fileOffset = bytes.inFile ? content.offset : null;
    const storage = graph.storage({ key: String(storages++), dtype, bytes: length, content, fileOffset });
    return graph.tensor(storage, { shape: [...shape], stride: arrayStride(array) });
  });
  return { root: replaced, taken };
}

/** A numpy array whose elements torch has a dtype for. */
export interface NumpyArray extends NumpyArrayForm {
  readonly bytes: ByteValue;
}

/**
 * What an array that was pickled says of itself; undefined where the node is none, or none that torch could hold.
 * @param source The source that the pickle was decoded from.
 */
export function arrayOf(node: PyNode, source: ByteSource): NumpyArray | undefined {
  const form = numpyArrayForm(node);
  const bytes = form && byteValue(form.data, source);
  return bytes && { ...form, bytes };
}
