import type { Dimension, Layout } from './layout.ts';
import type { Summarizer, SummaryJob, SummaryResult } from './summarizer.ts';

/** Bytes that are wanted. Whoever drives the scan fills `into` before it goes on, at once or when it has them. */
export interface Wanted {
  /** In the bytes that the layout speaks of. */
  readonly offset: number;
  readonly into: Uint8Array;
}

/** Numbers to be looked at, and where they stand. */
export interface Scan extends Omit<SummaryJob, 'count'> {
  readonly layout: Layout;
  readonly byteOrder: 'little' | 'big';
}

/** Bytes from which numbers that stand apart are picked. */
const SCRATCH = 1024 * 1024;

/** Asks for the bytes of the numbers, piece by piece, and has them looked at. */
export function* scan(
  { layout, format, range, byteOrder }: Scan,
  summarizer: Summarizer,
): Generator<Wanted, SummaryResult, void> {
  const { window } = summarizer;
  summarizer.begin({ format, count: layout.count, range });
  const take = (bytes: number): void => {
    if (byteOrder === 'big') swapBytes(window.subarray(0, bytes), format.bytes);
    summarizer.take(bytes);
  };
  if (layout.run >= window.length || layout.dims.length === 0) {
    for (const start of placesOf(layout.start, layout.dims)) {
      for (let at = 0; at < layout.run; at += window.length) {
        const bytes = Math.min(window.length, layout.run - at);
        yield { offset: start + at, into: window.subarray(0, bytes) };
        take(bytes);
      }
    }
  } else yield* scanApart(layout, Math.min(4, format.bytes), window, take);
  return summarizer.finish();
}

/** Reads stretches that hold many short runs, and copies these together into the window. */
function* scanApart(
  layout: Layout,
  width: number,
  window: Uint8Array<ArrayBuffer>,
  take: (bytes: number) => void,
): Generator<Wanted, void, void> {
  const words = layout.run / width;
  const scratch = new Uint8Array(SCRATCH);
  const from = wordsOf(scratch, width);
  const into = wordsOf(window, width);
  let filled = 0;
  for (const { start, outer, inner, extent } of stretchesOf(layout)) {
    const { size, step } = inner.at(-1) ?? { size: 1, step: 0 };
    for (const place of placesOf(start, outer)) {
      yield { offset: place, into: scratch.subarray(0, extent) };
      for (const row of placesOf(0, inner.slice(0, -1))) {
        let at = row / width;
        for (let i = 0; i < size; i++, at += step / width) {
          if (filled + words > into.length) {
            take(filled * width);
            filled = 0;
          }
          for (let word = 0; word < words; word++) into[filled++] = from[at + word] as number;
        }
      }
    }
  }
  if (filled > 0) take(filled * width);
}

/** Stretches of bytes that stand at every place that `outer` leads to; in each of them are runs at the places of `inner`. */
interface Stretches {
  readonly start: number;
  readonly outer: readonly Dimension[];
  readonly inner: readonly Dimension[];
  readonly extent: number;
}

/** The innermost dimensions that fit into the scratch together with their gaps, and of the next one as many steps as fit. */
function stretchesOf({ start, run, dims }: Layout): Stretches[] {
  let extent = run;
  let first = dims.length;
  for (; first > 0; first--) {
    const { size, step } = dims[first - 1] as Dimension;
    if (extent + (size - 1) * step > SCRATCH) break;
    extent += (size - 1) * step;
  }
  const inner = dims.slice(first);
  const outer = dims.slice(0, first);
  const next = outer.pop();
  if (!next) return [{ start, outer, inner, extent }];
  const { size, step } = next;
  const together = Math.floor((SCRATCH - extent) / step) + 1;
  const times = Math.floor(size / together);
  const rest = size % together;
  const stretches = (at: number, count: number, before: readonly Dimension[]): Stretches => ({
    start: start + at * step,
    outer: before,
    inner: [{ size: count, step }, ...inner],
    extent: extent + (count - 1) * step,
  });
  return [
    stretches(0, together, [...outer, { size: times, step: together * step }]),
    ...(rest > 0 ? [stretches(times * together, rest, outer)] : []),
  ];
}

/** Every place that the dimensions lead to, the innermost running fastest. */
function* placesOf(start: number, dims: readonly Dimension[]): Generator<number, void, void> {
  const index = dims.map(() => 0);
  let place = start;
  for (;;) {
    yield place;
    let dim = dims.length - 1;
    for (; dim >= 0; dim--) {
      const { size, step } = dims[dim] as Dimension;
      const next = (index[dim] as number) + 1;
      place += step;
      if (next < size) {
        index[dim] = next;
        break;
      }
      place -= step * size;
      index[dim] = 0;
    }
    if (dim < 0) return;
  }
}

function wordsOf({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>, width: number) {
  const Words = width === 4 ? Uint32Array : width === 2 ? Uint16Array : Uint8Array;
  return new Words(buffer, byteOffset, length / width);
}

function swapBytes(bytes: Uint8Array<ArrayBuffer>, unit: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (unit === 2) buffer.swap16();
  else if (unit === 4) buffer.swap32();
  else if (unit === 8) buffer.swap64();
}
