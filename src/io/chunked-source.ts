import { type ByteSource, checkRange, type SourceRange } from './byte-source.ts';
import { UnreadableError } from './errors.ts';

/** A block of a dense array, in C order, whose bytes stand in a place of their own. */
export interface ArrayChunk {
  /** First index of the block in each dimension. */
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  /** Where the bytes of the block are; asked when they are first needed. */
  locate(): Promise<SourceRange>;
}

/** A chunk as rows: runs of bytes that are contiguous in the chunk and in the array. */
interface Rows {
  readonly chunk: ArrayChunk;
  /** Bytes of a row. */
  readonly length: number;
  readonly count: number;
  /** Offset in the array of row 0, and what each step in a dimension of rows adds; the last dimension runs fastest. */
  readonly start: number;
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/**
 * The bytes of a dense array that was cut into blocks, whatever the cut: each read gathers what it needs from the blocks.
 * What no block covers is an error when it is read.
 */
export class ChunkedSource implements ByteSource {
  readonly size: number;
  readonly #rows: readonly Rows[];

  /** @throws RangeError for a chunk that passes the bounds of the array. */
  constructor(shape: readonly number[], itemSize: number, chunks: readonly ArrayChunk[]) {
    // the bytes of an element are one more dimension, which no chunk cuts
    const dims = [...shape, itemSize];
    this.size = dims.reduce((product, size) => product * size, 1);
    this.#rows = chunks
      .map((chunk) => rowsOf(dims, chunk))
      .filter(({ length, count }) => length * count > 0)
      .sort((a, b) => a.start - b.start);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    const bytes = new Uint8Array(length);
    await this.readInto(offset, bytes);
    return bytes;
  }

  async readInto(offset: number, into: Uint8Array): Promise<void> {
    const end = offset + into.byteLength;
    checkRange(this.size, offset, into.byteLength);
    // a hole must not show what stood in the buffer before
    into.fill(0);
    let copied = 0;
    for (const rows of this.#rows) copied += await copyRows(rows, offset, end, into);
    if (copied < into.byteLength) {
      throw new UnreadableError(
        'short-record',
        `${into.byteLength - copied} of ${into.byteLength} bytes at offset ${offset} of an array stand in none of its chunks`,
      );
    }
  }
}

function rowsOf(dims: readonly number[], chunk: ArrayChunk): Rows {
  const last = dims.length - 1;
  const sizes = [...chunk.sizes, dims[last] as number];
  const offsets = [...chunk.offsets, 0];
  if (sizes.length !== dims.length || offsets.length !== dims.length) {
    throw new RangeError(`chunk of ${chunk.sizes.length} dimensions in an array of ${last}`);
  }
  const strides = new Array<number>(dims.length);
  let step = 1;
  let start = 0;
  for (let dim = last; dim >= 0; dim--) {
    strides[dim] = step;
    step *= dims[dim] as number;
    start += (offsets[dim] as number) * (strides[dim] as number);
    if ((offsets[dim] as number) + (sizes[dim] as number) > (dims[dim] as number)) {
      throw new RangeError(
        `chunk at [${chunk.offsets}] of size [${chunk.sizes}] in an array of [${dims.slice(0, -1)}]`,
      );
    }
  }
  // the innermost dimension that is cut: all behind it stands together
  let cut = last;
  while (cut > 0 && sizes[cut] === dims[cut]) cut--;
  const outer = sizes.slice(0, cut);
  return {
    chunk,
    length: (sizes[cut] as number) * (strides[cut] as number),
    count: outer.reduce((product, size) => product * size, 1),
    start,
    sizes: outer,
    strides: strides.slice(0, cut),
  };
}

/** Offset in the array of a row; rows stand in ascending order. */
function rowStart({ start, sizes, strides }: Rows, row: number): number {
  let at = start;
  let rest = row;
  for (let dim = sizes.length - 1; dim >= 0; dim--) {
    const size = sizes[dim] as number;
    at += (rest % size) * (strides[dim] as number);
    rest = Math.floor(rest / size);
  }
  return at;
}

/** The first row that ends behind `offset`. */
function firstRow(rows: Rows, offset: number): number {
  let low = 0;
  let high = rows.count;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (rowStart(rows, middle) + rows.length > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Copies what the rows hold of `[offset, end)`, and tells how many bytes that is. */
async function copyRows(rows: Rows, offset: number, end: number, into: Uint8Array): Promise<number> {
  const { length, count, sizes, strides } = rows;
  if (rows.start >= end || rowStart(rows, count - 1) + length <= offset) return 0;
  const first = firstRow(rows, offset);
  const afterLast = firstRow(rows, end - 1);
  // the row that holds the last byte counts too, where there is one
  const until = afterLast < count && rowStart(rows, afterLast) < end ? afterLast + 1 : afterLast;
  if (first >= until) return 0;
  const from = first * length + Math.max(0, offset - rowStart(rows, first));
  const to = (until - 1) * length + Math.min(length, end - rowStart(rows, until - 1));
  const place = await rows.chunk.locate();
  if (until - first === 1) {
    const at = rowStart(rows, first) + (from - first * length) - offset;
    await readRange(place, from, into.subarray(at, at + to - from));
    return to - from;
  }
  const bytes = new Uint8Array(to - from);
  await readRange(place, from, bytes);
  const inner = sizes.at(-1) as number;
  const step = strides.at(-1) as number;
  for (let row = first; row < until; ) {
    let at = rowStart(rows, row) - offset;
    for (let i = row % inner; i < inner && row < until; i++, row++, at += step) {
      const low = Math.max(row * length, from);
      const high = Math.min((row + 1) * length, to);
      into.set(bytes.subarray(low - from, high - from), at + low - row * length);
    }
  }
  return to - from;
}

async function readRange(
  { source, offset, length }: SourceRange,
  from: number,
  into: Uint8Array,
): Promise<void> {
  checkRange(length, from, into.byteLength, 'chunk');
  if (source.readInto) await source.readInto(offset + from, into);
  else into.set(await source.read(offset + from, into.byteLength));
}
