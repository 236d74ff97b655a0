import type { Tensor } from '../checkpoint/tensor.ts';
import { isContiguous } from '../checkpoint/view-coverage.ts';
import type { NumberFormat } from './number-format.ts';
import { numberFormat } from './number-format.ts';

/** A step that is taken again and again. */
export interface Dimension {
  readonly size: number;
  /** In bytes. */
  readonly step: number;
}

/** Where numbers stand: runs of bytes, at every place that the dimensions lead to. */
export interface Layout {
  /** First byte. */
  readonly start: number;
  /** Bytes of a run. */
  readonly run: number;
  /** The widest step first. */
  readonly dims: readonly Dimension[];
  /** Numbers in all runs together. */
  readonly count: number;
}

/** The numbers of a tensor, or of one half of a complex one. */
export interface TensorNumbers {
  readonly part?: 'real' | 'imaginary';
  readonly format: NumberFormat;
  readonly layout: Layout;
  /** How often an expanded view shows each of them. */
  readonly times: number;
  /** torch's lazy bit: each number is to be taken with the other sign. */
  readonly negative: boolean;
}

/** A view may show a number several times, as `unfold` makes them; one that shows each a thousand times was made to take for ever. */
const MOST_VIEWS = 1000;
/** Below this nothing takes for ever. */
const FEW = 2 ** 24;

/** Where the numbers of a tensor stand, or why they can't be looked at. */
export function numbersOf(tensor: Tensor): readonly TensorNumbers[] | string {
  const { storage, dtype, kind, array } = tensor;
  const format = numberFormat(dtype);
  if (array) return 'is a numpy array of the pickle, which fix --safe makes a tensor of';
  if (!storage)
    return kind === 'meta' ? 'has no data: it is on the meta device' : `is ${kind}, without data of its own`;
  if (!storage.content) return 'its data is not in the file';
  if (!format) return `${dtype.name} holds bits, not numbers`;
  const packed = dtype.valuesPerByte ?? 1;
  if (packed > 1) {
    if (!isContiguous(tensor) || tensor.storageOffset % packed !== 0) return 'packed values stand apart';
    const start = tensor.storageOffset / packed;
    return [numbers(format, { start, run: tensor.bytes, dims: [], count: tensor.elements })];
  }
  const { times, ...layout } = layoutOf(tensor);
  const span = layout.dims.reduce((bytes, { size, step }) => bytes + (size - 1) * step, layout.run);
  const end = layout.start + span;
  if (tensor.elements > 0 && !(end <= Math.min(storage.bytes, storage.content.length)))
    return `reaches byte ${end} of a storage of ${Math.min(storage.bytes, storage.content.length)}`;
  if (layout.count > FEW && layout.count * dtype.itemSize > span * MOST_VIEWS)
    return 'shows the same numbers more than a thousand times over';
  const negative = tensor.neg;
  if (dtype.family !== 'complex')
    return [
      { ...numbers(format, { ...layout, count: layout.count * (format.packed ?? 1) }), times, negative },
    ];
  const half = (index: number): Layout => ({
    start: layout.start + index * format.bytes,
    run: format.bytes,
    dims: [...layout.dims, { size: layout.run / dtype.itemSize, step: dtype.itemSize }],
    count: layout.count,
  });
  return [
    { ...numbers(format, half(0)), part: 'real', times, negative },
    { ...numbers(format, half(1)), part: 'imaginary', times, negative: tensor.conj !== negative },
  ];
}

function numbers(format: NumberFormat, layout: Layout): TensorNumbers {
  return { format, layout, times: 1, negative: false };
}

/** The view in its simplest terms: the order of elements means nothing to a statistic. */
function layoutOf({ shape, stride, storageOffset, dtype, elements }: Tensor): Layout & { times: number } {
  const { itemSize } = dtype;
  const start = storageOffset * itemSize;
  if (elements === 0) return { start: 0, run: 0, dims: [], count: 0, times: 1 };
  let times = 1;
  const steps: Dimension[] = [];
  shape.forEach((size, dim) => {
    const step = (stride[dim] ?? 0) * itemSize;
    if (step === 0) times *= size;
    else if (size > 1) steps.push({ size, step });
  });
  steps.sort((a, b) => a.step - b.step);
  let run = itemSize;
  const dims: Dimension[] = [];
  for (const { size, step } of steps) {
    const outer = dims[0];
    if (!outer && step === run) run *= size;
    else if (outer && step === outer.step * outer.size)
      dims[0] = { step: outer.step, size: outer.size * size };
    else dims.unshift({ size, step });
  }
  return { start, run, dims, count: elements / times, times };
}

/** Cuts a layout into pieces of about so many bytes, in the order in which they stand. */
export function cutLayout(layout: Layout, bytesOfNumber: number, packed: number, most: number): Layout[] {
  const { start, run, dims, count } = layout;
  const bytes = dims.reduce((product, { size }) => product * size, run);
  if (bytes <= most) return [layout];
  const [outer, ...inner] = dims;
  const pieces: Layout[] = [];
  if (!outer) {
    // all about as long: each has a price of its own
    const length = Math.ceil(run / Math.ceil(run / most) / bytesOfNumber) * bytesOfNumber;
    for (let at = 0; at < run; at += length) {
      const piece = Math.min(length, run - at);
      const numbersBefore = (at / bytesOfNumber) * packed;
      const numbers = Math.min(count - numbersBefore, (piece / bytesOfNumber) * packed);
      pieces.push({ start: start + at, run: piece, dims, count: numbers });
    }
    return pieces;
  }
  const each = count / outer.size;
  const together = Math.max(1, Math.floor(most / (bytes / outer.size)));
  for (let at = 0; at < outer.size; at += together) {
    const size = Math.min(together, outer.size - at);
    const piece: Layout = {
      start: start + at * outer.step,
      run,
      dims: size > 1 ? [{ ...outer, size }, ...inner] : inner,
      count: each * size,
    };
    pieces.push(...(size > 1 ? [piece] : cutLayout(piece, bytesOfNumber, packed, most)));
  }
  return pieces;
}
