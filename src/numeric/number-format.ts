import type { Dtype } from '../torch/dtypes.ts';

/** How numbers stand in bytes, as far as their statistics go. */
export interface NumberFormat {
  /** Name of a dtype, or of the integers of a packed one: `float16`, `int8`, `uint4`. */
  readonly name: string;
  /** Bytes of a number, or of several packed ones. */
  readonly bytes: number;
  /** Numbers in one byte, where they are packed. */
  readonly packed?: number;
}

const INTEGERS_OF: Readonly<Record<string, string>> = { qint8: 'int8', quint8: 'uint8', qint32: 'int32' };
const PACKED: Readonly<Record<string, NumberFormat>> = {
  quint4x2: { name: 'uint4', bytes: 1, packed: 2 },
  quint2x4: { name: 'uint2', bytes: 1, packed: 4 },
  float4_e2m1fn_x2: { name: 'float4_e2m1fn_x2', bytes: 1, packed: 2 },
};
const PART_OF: Readonly<Record<string, string>> = {
  complex128: 'float64',
  complex64: 'float32',
  complex32: 'float16',
  bcomplex32: 'bfloat16',
};

/** The numbers in the elements of a dtype: of a complex one its real and imaginary parts. Undefined for bits, which are no numbers. */
export function numberFormat({ name, itemSize, swapSize, family }: Dtype): NumberFormat | undefined {
  if (family === 'bits') return undefined;
  if (family === 'complex') return { name: PART_OF[name] ?? name, bytes: swapSize };
  return PACKED[name] ?? { name: INTEGERS_OF[name] ?? name, bytes: itemSize };
}
