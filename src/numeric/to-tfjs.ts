import type { TensorHandle } from '../checkpoint/tensor-handle.ts';
import { RefusedError } from '../io/errors.ts';

/** What is used of TensorFlow.js: tfjs, tfjs-node and tfjs-node-gpu all have it. */
export interface TensorFlow<T> {
  tensor(
    values: Float32Array | Int32Array | Uint8Array,
    shape: number[],
    dtype: 'float32' | 'int32' | 'bool',
  ): T;
  complex(real: T, imag: T): T;
  dispose(container: T[]): void;
}

/** Integer dtypes whose every value is an int32. */
const NARROW = new Set(['int32', 'int16', 'int8', 'uint8', 'uint16']);

/**
 * The tensor as one of TensorFlow.js: floats as float32, integers as int32, bool as bool, complex64 as complex64. The caller
 * disposes of it.
 *
 * @param tf The package that the caller has: `import * as tf from '@tensorflow/tfjs'`.
 * @throws RefusedError for integers that pass int32, and for dtypes that TensorFlow.js has no like of.
 */
export async function toTfjs<T>(tensor: TensorHandle, tf: TensorFlow<T>): Promise<T> {
  const { dtype } = tensor;
  const shape = [...tensor.shape];
  if (dtype.name === 'bool') return tf.tensor((await tensor.array()) as Uint8Array, shape, 'bool');
  if (dtype.family === 'integer') return tf.tensor(await int32(tensor), shape, 'int32');
  if (dtype.name === 'complex64') {
    const numbers = (await tensor.array()) as Float32Array;
    const [real, imag] = [0, 1].map((part) => tf.tensor(everySecond(numbers, part), shape, 'float32')) as [
      T,
      T,
    ];
    const complex = tf.complex(real, imag);
    tf.dispose([real, imag]);
    return complex;
  }
  return tf.tensor(await tensor.float32(), shape, 'float32');
}

async function int32(tensor: TensorHandle): Promise<Int32Array> {
  const numbers = await tensor.array();
  if (NARROW.has(tensor.dtype.name)) return Int32Array.from(numbers as Int16Array);
  const narrow = new Int32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const value = Number(numbers[i]);
    narrow[i] = value;
    if (narrow[i] !== value) {
      throw new RefusedError(
        `tensor ${tensor.name} holds ${numbers[i]} at element ${i}, which is no int32, the widest integer of TensorFlow.js`,
      );
    }
  }
  return narrow;
}

function everySecond(numbers: Float32Array, first: number): Float32Array {
  const part = new Float32Array(numbers.length / 2);
  for (let i = 0; i < part.length; i++) part[i] = numbers[2 * i + first] as number;
  return part;
}
