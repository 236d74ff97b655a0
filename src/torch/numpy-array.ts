import {
  argumentsOf,
  callableName,
  type PyNode,
  PyObject,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';
import { contiguousStride } from './contiguous-stride.ts';
import { type Dtype, dtypeByName } from './dtypes.ts';

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

/** What an array that was pickled says of itself. */
export interface NumpyArrayForm {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  /** What stands for its bytes: a value of bytes, as a protocol writes them. */
  readonly data: Value | undefined;
}

/** Whether a global is one that arrays are built with. */
export function buildsArrays(qualifiedName: string): boolean {
  return RECONSTRUCT.has(qualifiedName) || FROM_BUFFER.has(qualifiedName);
}

/**
 * Reads a pickled numpy array, as numpy's `ndarray.__reduce__` writes it. Undefined where the node is none, or none that
 * `torch.from_numpy` takes: text, objects, structures, and what has another byte order.
 */
export function numpyArrayForm(node: PyNode): NumpyArrayForm | undefined {
  const name = callableName(node) ?? '';
  if (!(node instanceof PyObject)) return undefined;
  if (RECONSTRUCT.has(name)) {
    // (version, shape, dtype, is Fortran, bytes or a list of objects)
    const state = stateOf(node);
    const [, shape, dtype, fortran, data] = state instanceof PyTuple ? state.items : [];
    return described(shape, dtype, fortran === true, data);
  }
  if (!FROM_BUFFER.has(name)) return undefined;
  const [data, dtype, shape, order] = argumentsOf(node);
  return described(shape, dtype, order === 'F', data);
}

function described(
  sizes: Value | undefined,
  type: Value | undefined,
  fortran: boolean,
  data: Value | undefined,
): NumpyArrayForm | undefined {
  const dtype = dtypeOf(type);
  if (!dtype || !(sizes instanceof PyTuple)) return undefined;
  const shape = sizes.items.filter((size): size is number => typeof size === 'number' && size >= 0);
  return shape.length === sizes.items.length ? { dtype, shape, fortran, data } : undefined;
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

/** Strides that `torch.from_numpy` gives an array, in elements. */
export function arrayStride({ shape, fortran }: Pick<NumpyArrayForm, 'shape' | 'fortran'>): number[] {
  return fortran ? contiguousStride([...shape].reverse()).reverse() : contiguousStride(shape);
}
