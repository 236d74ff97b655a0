/** How the elements of a dtype are counted and compared. */
export type DtypeFamily = 'float' | 'integer' | 'bool' | 'complex' | 'quantized' | 'bits';

export interface Dtype {
  /** torch's name without `torch.`: `float16`, `qint8`, `float8_e4m3fn` … */
  readonly name: string;
  /** Bytes of one element of the storage. `quint4x2` and `quint2x4` pack several values into one byte. */
  readonly itemSize: number;
  readonly family: DtypeFamily;
  /** Bytes that change places when the byte order changes: a complex number is two halves. */
  readonly swapSize: number;
  /** Values in one byte, for the packed quantized dtypes. */
  readonly valuesPerByte?: number;
}

const dtype = (name: string, itemSize: number, family: DtypeFamily, swapSize = itemSize): Dtype => ({
  name,
  itemSize,
  family,
  swapSize,
});

/** Every dtype that torch 1.4 to 2.14 can save, from torch's storage classes and `torch.dtype` names. */
export const DTYPES: ReadonlyMap<string, Dtype> = new Map(
  [
    dtype('uint8', 1, 'integer'),
    dtype('int8', 1, 'integer'),
    dtype('int16', 2, 'integer'),
    dtype('int32', 4, 'integer'),
    dtype('int64', 8, 'integer'),
    dtype('uint16', 2, 'integer'),
    dtype('uint32', 4, 'integer'),
    dtype('uint64', 8, 'integer'),
    dtype('float16', 2, 'float'),
    dtype('float32', 4, 'float'),
    dtype('float64', 8, 'float'),
    dtype('bfloat16', 2, 'float'),
    dtype('float8_e5m2', 1, 'float'),
    dtype('float8_e4m3fn', 1, 'float'),
    dtype('float8_e5m2fnuz', 1, 'float'),
    dtype('float8_e4m3fnuz', 1, 'float'),
    dtype('float8_e8m0fnu', 1, 'float'),
    // torch's shape counts bytes, each of two values
    dtype('float4_e2m1fn_x2', 1, 'float'),
    dtype('bool', 1, 'bool'),
    dtype('complex32', 4, 'complex', 2),
    dtype('complex64', 8, 'complex', 4),
    dtype('complex128', 16, 'complex', 8),
    dtype('bcomplex32', 4, 'complex', 2),
    dtype('qint8', 1, 'quantized'),
    dtype('quint8', 1, 'quantized'),
    dtype('qint32', 4, 'quantized'),
    { ...dtype('quint4x2', 1, 'quantized'), valuesPerByte: 2 },
    { ...dtype('quint2x4', 1, 'quantized'), valuesPerByte: 4 },
    dtype('bits8', 1, 'bits'),
    dtype('bits1x8', 1, 'bits'),
    dtype('bits2x4', 1, 'bits'),
    dtype('bits4x2', 1, 'bits'),
    dtype('bits16', 2, 'bits'),
  ].map((each) => [each.name, each]),
);

/** Other spellings of `torch.<name>` globals that pickles hold. */
const ALIASES: Readonly<Record<string, string>> = {
  half: 'float16',
  float: 'float32',
  double: 'float64',
  short: 'int16',
  int: 'int32',
  long: 'int64',
  cfloat: 'complex64',
  cdouble: 'complex128',
};

export function dtypeByName(name: string): Dtype | undefined {
  return DTYPES.get(ALIASES[name] ?? name);
}

/** Bytes that a contiguous tensor of so many elements takes. */
export function bytesOfElements(type: Dtype, elements: number): number {
  return type.valuesPerByte ? Math.ceil(elements / type.valuesPerByte) : elements * type.itemSize;
}
