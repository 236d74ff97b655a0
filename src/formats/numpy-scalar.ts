import {
  argumentsOf,
  callableName,
  PyFloat,
  PyGlobal,
  PyObject,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';

/** The longest text that a scalar may be, in characters. */
const LONGEST_TEXT = 65536;

/**
 * The Python value that `.item()` of a numpy scalar gives: a bool, an int, a float, a complex number, a str. Undefined for the
 * others: dates, structures, long doubles.
 * @param dtype `numpy.dtype('f8', False, True)` with its state, which says the byte order.
 */
export function numpyScalar(dtype: Value | undefined, bytes: Uint8Array | undefined): Value | undefined {
  if (!(dtype instanceof PyObject) || callableName(dtype) !== 'numpy.dtype' || !bytes) return undefined;
  const [code] = argumentsOf(dtype);
  const state = stateOf(dtype);
  const order = state instanceof PyTuple ? state.items[1] : '|';
  if (typeof code !== 'string') return undefined;
  const [, kind, digits] = /^([fiubcU])(\d+)$/.exec(code) ?? [];
  const size = Number(digits) * (kind === 'U' ? 4 : 1);
  if (kind === undefined || bytes.length !== size || !['<', '>', '|', '='].includes(String(order)))
    return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const little = order !== '>';
  switch (kind) {
    case 'b':
      return size === 1 ? view.getUint8(0) !== 0 : undefined;
    case 'i':
      return integer(view, size, little, true);
    case 'u':
      return integer(view, size, little, false);
    case 'f':
      return float(view, 0, size, little);
    case 'c':
      return complex(view, size, little);
    default:
      return text(view, size, little);
  }
}

function integer(view: DataView, size: number, little: boolean, signed: boolean): Value | undefined {
  if (size === 1) return signed ? view.getInt8(0) : view.getUint8(0);
  if (size === 2) return signed ? view.getInt16(0, little) : view.getUint16(0, little);
  if (size === 4) return signed ? view.getInt32(0, little) : view.getUint32(0, little);
  if (size !== 8) return undefined;
  const value = signed ? view.getBigInt64(0, little) : view.getBigUint64(0, little);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function float(view: DataView, at: number, size: number, little: boolean): PyFloat | undefined {
  if (size === 8) return new PyFloat(view.getFloat64(at, little));
  if (size === 4) return new PyFloat(view.getFloat32(at, little));
  return size === 2 ? new PyFloat(half(view.getUint16(at, little))) : undefined;
}

function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

function complex(view: DataView, size: number, little: boolean): PyObject | undefined {
  if (size < 8) return undefined;
  const real = float(view, 0, size / 2, little);
  const imaginary = float(view, size / 2, size / 2, little);
  if (!real || !imaginary) return undefined;
  return new PyObject('reduce', new PyGlobal('__builtin__', 'complex'), new PyTuple([real, imaginary]));
}

/** numpy pads text with zeros and takes them off again. */
function text(view: DataView, size: number, little: boolean): string | undefined {
  if (size > LONGEST_TEXT * 4) return undefined;
  let found = '';
  for (let at = 0; at < size; at += 4) {
    const point = view.getUint32(at, little);
    if (point > 0x10ffff) return undefined;
    found += String.fromCodePoint(point);
  }
  return found.replace(/\0+$/, '');
}
