import { BinCounter, type BinRange } from './bins.ts';
import type { NumberFormat } from './number-format.ts';
import {
  occurringPatterns,
  type PatternCounts,
  type PatternTable,
  patternTable,
  summarizePatterns,
} from './patterns.ts';
import {
  longsOf,
  summarizeFloat32,
  summarizeFloat64,
  summarizeIntegers,
  summarizeLongs,
} from './plain-kernels.ts';
import { EMPTY, merge, type Summary } from './summary.ts';
import { plainKernels, type SummaryKernels, vectorSummaryKernels } from './summary-kernels.ts';

/** Numbers that are to be looked at, window by window. */
export interface SummaryJob {
  readonly format: NumberFormat;
  /** How many numbers there are. */
  readonly count: number;
  /** Their counts by bins are asked, instead of their summary. */
  readonly range?: BinRange | undefined;
}

export type SummaryResult = Summary | Float64Array;

/** Up to so many numbers are sorted: that is faster than to look through a counter for each pattern. */
const FEW = 2048;

interface Course {
  take(bytes: number): void;
  finish(): SummaryResult;
}

/** Looks at numbers that are put into its window; one for a thread, since the tables behind it are large. */
export class Summarizer {
  readonly #kernels: SummaryKernels;
  #course: Course | undefined;

  constructor(kernels: SummaryKernels = vectorSummaryKernels() ?? plainKernels()) {
    this.#kernels = kernels;
  }

  /** Where the numbers are put, little-endian, from the start. */
  get window(): Uint8Array<ArrayBuffer> {
    return this.#kernels.window;
  }

  /** @throws RangeError for a format of no numbers. */
  begin(job: SummaryJob): void {
    const { format, range } = job;
    const table = patternTable(format.name);
    this.#course = table
      ? new PatternCourse(this.#kernels, table, job)
      : new WideCourse(this.#kernels, format.name, range);
  }

  /** Looks at the whole numbers in the first bytes of the window. */
  take(bytes: number): void {
    this.#course?.take(bytes);
  }

  finish(): SummaryResult {
    return this.#course?.finish() ?? EMPTY;
  }
}

/** Numbers of up to 16 bits: once it is known how often each pattern occurs, all else is exact. */
class PatternCourse implements Course {
  readonly #table: PatternTable;
  readonly #counter: PatternCounter;
  readonly #range: BinRange | undefined;

  constructor(
    kernels: SummaryKernels,
    table: PatternTable,
    { format: { packed = 1 }, count, range }: SummaryJob,
  ) {
    this.#table = table;
    this.#range = range;
    if (table.width === 4) this.#counter = new PackedCounter(kernels.window, packed, count);
    else if (count > FEW) this.#counter = new ManyCounter(kernels, table.width);
    else
      this.#counter =
        table.width === 8 ? new PackedCounter(kernels.window, 1, count) : new FewCounter(kernels.window);
  }

  take(bytes: number): void {
    this.#counter.take(bytes);
  }

  finish(): SummaryResult {
    const counts = this.#counter.finish();
    if (!this.#range) return summarizePatterns(this.#table, counts);
    const bins = new BinCounter(this.#range);
    bins.addPatterns(this.#table, counts);
    return bins.counts;
  }
}

interface PatternCounter {
  take(bytes: number): void;
  finish(): PatternCounts;
}

/** Patterns of 8 bits are counted in pairs. */
class ManyCounter implements PatternCounter {
  readonly #kernels: SummaryKernels;
  readonly #width: 8 | 16;
  #padding = 0;

  constructor(kernels: SummaryKernels, width: 8 | 16) {
    this.#kernels = kernels;
    this.#width = width;
  }

  take(bytes: number): void {
    const whole = Math.ceil(bytes / 8) * 8;
    this.#kernels.window.fill(0, bytes, whole);
    this.#padding += whole - bytes;
    this.#kernels.count(whole);
  }

  finish(): PatternCounts {
    const { counters } = this.#kernels;
    const own = this.#width === 16 ? counters : bytesOfPairs(counters);
    own[0] = (own[0] as number) - this.#padding / (this.#width / 8);
    const counts = occurringPatterns(own);
    counters.fill(0);
    return counts;
  }
}

/** Counts of bytes, of the counts of their pairs. */
function bytesOfPairs(pairs: Uint32Array): Uint32Array {
  const bytes = new Uint32Array(256);
  for (let pair = 0; pair < pairs.length; pair++) {
    const count = pairs[pair] as number;
    bytes[pair & 0xff] = (bytes[pair & 0xff] as number) + count;
    bytes[pair >>> 8] = (bytes[pair >>> 8] as number) + count;
  }
  return bytes;
}

/** Sorted, equal patterns stand together. */
class FewCounter implements PatternCounter {
  readonly #window: Uint8Array<ArrayBuffer>;
  #patterns = new Uint16Array();

  constructor(window: Uint8Array<ArrayBuffer>) {
    this.#window = window;
  }

  take(bytes: number): void {
    const more = new Uint16Array(this.#window.buffer, this.#window.byteOffset, bytes / 2);
    const all = new Uint16Array(this.#patterns.length + more.length);
    all.set(this.#patterns);
    all.set(more, this.#patterns.length);
    this.#patterns = all;
  }

  finish(): PatternCounts {
    const sorted = this.#patterns.sort();
    const times = new Float64Array(sorted.length);
    let found = -1;
    for (let i = 0; i < sorted.length; i++) {
      const pattern = sorted[i] as number;
      if (found < 0 || pattern !== sorted[found]) sorted[++found] = pattern;
      times[found] = (times[found] as number) + 1;
    }
    return { patterns: sorted.subarray(0, found + 1), times: times.subarray(0, found + 1) };
  }
}

/** One or several patterns in each byte, the first in the lowest bits; the last byte may hold fewer. */
class PackedCounter implements PatternCounter {
  readonly #window: Uint8Array;
  readonly #packed: number;
  readonly #counters: Uint32Array;
  #left: number;

  constructor(window: Uint8Array, packed: number, count: number) {
    this.#window = window;
    this.#packed = packed;
    this.#counters = new Uint32Array(2 ** (8 / packed));
    this.#left = count;
  }

  take(bytes: number): void {
    const bits = 8 / this.#packed;
    const mask = 2 ** bits - 1;
    for (let i = 0; i < bytes; i++) {
      const byte = this.#window[i] as number;
      for (let at = 0; at < 8 && this.#left > 0; at += bits, this.#left--) {
        const pattern = (byte >>> at) & mask;
        this.#counters[pattern] = (this.#counters[pattern] as number) + 1;
      }
    }
  }

  finish(): PatternCounts {
    return occurringPatterns(this.#counters);
  }
}

type WideArray = Float32Array | Float64Array | Int32Array | Uint32Array;

/** Numbers of 32 and 64 bits, window by window. */
class WideCourse implements Course {
  readonly #kernels: SummaryKernels;
  readonly #format: WideFormat;
  readonly #bins: BinCounter | undefined;
  #summary: Summary = EMPTY;

  constructor(kernels: SummaryKernels, name: string, range: BinRange | undefined) {
    const format = WIDE_FORMATS[name];
    if (!format) throw new RangeError(`there are no numbers in ${name}`);
    this.#kernels = kernels;
    this.#format = format;
    this.#bins = range && new BinCounter(range);
  }

  take(bytes: number): void {
    const { buffer, byteOffset } = this.#kernels.window;
    const { view, summarize, vector } = this.#format;
    if (this.#bins) {
      this.#bins.addAll(view(buffer, byteOffset, bytes));
      return;
    }
    const inVectors = vector ? bytes - (bytes % 32) : 0;
    if (inVectors > 0) this.#summary = merge(this.#summary, this.#kernels.float32(inVectors));
    if (inVectors < bytes)
      this.#summary = merge(this.#summary, summarize(buffer, byteOffset + inVectors, bytes - inVectors));
  }

  finish(): SummaryResult {
    return this.#bins?.counts ?? this.#summary;
  }
}

interface WideFormat {
  readonly view: (buffer: ArrayBuffer, offset: number, bytes: number) => ArrayLike<number>;
  readonly summarize: (buffer: ArrayBuffer, offset: number, bytes: number) => Summary;
  /** The kernels have a function of their own for it. */
  readonly vector?: boolean;
}

function wideFormat<Numbers extends WideArray>(
  make: { new (buffer: ArrayBuffer, offset: number, length: number): Numbers; BYTES_PER_ELEMENT: number },
  summarize: (numbers: Numbers) => Summary,
): WideFormat {
  const view = (buffer: ArrayBuffer, offset: number, bytes: number) =>
    new make(buffer, offset, bytes / make.BYTES_PER_ELEMENT);
  return { view, summarize: (...place) => summarize(view(...place)) };
}

function longFormat(signed: boolean): WideFormat {
  const { view } = wideFormat(Uint32Array, summarizeIntegers);
  const words = (...place: Parameters<typeof view>) => view(...place) as Uint32Array;
  return {
    view: (...place) => longsOf(words(...place), signed),
    summarize: (...place) => summarizeLongs(words(...place), signed),
  };
}

const WIDE_FORMATS: Readonly<Record<string, WideFormat>> = {
  float32: { ...wideFormat(Float32Array, summarizeFloat32), vector: true },
  float64: wideFormat(Float64Array, summarizeFloat64),
  int32: wideFormat(Int32Array, summarizeIntegers),
  uint32: wideFormat(Uint32Array, summarizeIntegers),
  int64: longFormat(true),
  uint64: longFormat(false),
};
