import type { ByteSource } from '../io/byte-source.ts';
import { type ByteValue, byteValue } from '../pickle/byte-values.ts';
import { replaceNodes } from '../pickle/replace.ts';
import {
  argumentsOf,
  callableName,
  type PyGlobal,
  type PyNode,
  PyObject,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';
import { type Dtype, dtypeByName } from '../torch/dtypes.ts';
import { contiguousStride, type TensorGraph } from './tensor-graph.ts';

/** What numpy below and from 2.0 on names the function that starts an array. */
const RECONSTRUCT = new Set(['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct']);
/** Protocol 5, which holds the bytes in a bytearray of the stream. */
const FROM_BUFFER = new Set(['numpy.core.numeric._frombuffer', 'numpy._core.numeric._frombuffer']);

/** numpy's type codes, kind and bytes, that torch has a dtype for. */
const DTYPES: Readonly<Record<string, string>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
  c8: 'complex64',
  c16: 'complex128',
};

/** Names beside numpy's own that a pickle of arrays, containers and plain values has. */
const PLAIN = /^(collections\.(OrderedDict|defaultdict)|_codecs\.encode|(__builtin__|builtins)\.\w+)$/;

/** True for a pickle that holds numpy arrays, containers and plain values, and nothing else. */
export function isMadeOfArrays(globals: readonly PyGlobal[]): boolean {
  return (
    globals.some(({ qualifiedName }) => RECONSTRUCT.has(qualifiedName) || FROM_BUFFER.has(qualifiedName)) &&
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
    const { dtype, shape, fortran, bytes } = array;
    const length = shape.reduce((product, size) => product * size, dtype.itemSize);
    if (bytes.range.length < length) return undefined;
    if (bytes.payloadOffset !== undefined) taken.add(bytes.payloadOffset);
    const content = { ...bytes.range, length };
    const fileOffset = bytes.inFile ? content.offset : null;
    const storage = graph.storage({ key: String(storages++), dtype, bytes: length, content, fileOffset });
    const stride = fortran ? contiguousStride([...shape].reverse()).reverse() : contiguousStride(shape);
    return graph.tensor(storage, { shape, stride });
  });
  return { root: replaced, taken };
}

/** A numpy array whose elements torch has a dtype for. */
export interface NumpyArray {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly bytes: ByteValue;
}

/** What an array that was pickled says of itself; undefined where the node is none, or none that torch could hold. */
export function arrayOf(node: PyNode, source: ByteSource): NumpyArray | undefined {
  const name = callableName(node) ?? '';
  if (!(node instanceof PyObject)) return undefined;
  if (RECONSTRUCT.has(name)) {
    // numpy's ndarray.__reduce__: (version, shape, dtype, is Fortran, bytes or a list of objects)
    const state = stateOf(node);
    const [, shape, dtype, fortran, data] = state instanceof PyTuple ? state.items : [];
    return described(shape, dtype, fortran === true, byteValue(data, source));
  }
  if (!FROM_BUFFER.has(name)) return undefined;
  const [data, dtype, shape, order] = argumentsOf(node);
  return described(shape, dtype, order === 'F', byteValue(data, source));
}

function described(
  sizes: Value | undefined,
  type: Value | undefined,
  fortran: boolean,
  bytes: ByteValue | undefined,
): NumpyArray | undefined {
  const dtype = dtypeOf(type);
  if (!dtype || !bytes || !(sizes instanceof PyTuple)) return undefined;
  const shape = sizes.items.filter((size): size is number => typeof size === 'number' && size >= 0);
  return shape.length === sizes.items.length ? { dtype, shape, fortran, bytes } : undefined;
}

/** `numpy.dtype('f4', False, True)` with the state `(3, '<', None, …)`: `<` and `|` are the orders that torch has. */
function dtypeOf(value: Value | undefined): Dtype | undefined {
  if (!(value instanceof PyObject) || callableName(value) !== 'numpy.dtype') return undefined;
  const [code] = argumentsOf(value);
  const state = stateOf(value);
  const order = state instanceof PyTuple ? state.items[1] : '|';
  if (typeof code !== 'string' || (order !== '<' && order !== '|')) return undefined;
  const name = DTYPES[code];
  return name === undefined ? undefined : dtypeByName(name);
}
