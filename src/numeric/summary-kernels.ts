import {
  addDoubles,
  addInt,
  all,
  allTrue,
  and,
  andInt,
  atLeast,
  type Code,
  either,
  equal,
  type FunctionCode,
  firstDoubles,
  get,
  int,
  larger,
  lastDoubles,
  less,
  lessInt,
  lessUnsigned,
  load,
  loadInt,
  multiplyDoubles,
  multiplyFloats,
  nearest,
  or,
  repeatWhile,
  set,
  shiftLeftInt,
  shiftRightInt,
  smaller,
  store,
  storeInt,
  sub,
  subDoubles,
  unequalFloats,
} from '../vector/code.ts';
import { allocate, compile, type MachineFunction } from '../vector/machine.ts';
import { summarizeFloat32 } from './plain-kernels.ts';
import { EMPTY, type Summary } from './summary.ts';

/** Bytes that are looked at in one call: two passes over them stay in the cache of the processor. */
export const WINDOW = 256 * 1024;
/** Bytes of a table with a counter for each pattern of 16 bits. */
const TABLE = 4 * 65536;
/** Where the table begins; the window stands at 0. */
const COUNTS = WINDOW;
/** Where functions leave vectors, and find one. */
const RESULTS = COUNTS + TABLE;
const BYTES_OF_MEMORY = RESULTS + 4096;
/** Whole numbers that the functions have; the first is their argument, the others begin at 0. */
const PARAMETERS = 4;

const BYTES = 0;
const AT = 1;

/** Counts 16-bit patterns, four at a time. */
function countPatterns(): FunctionCode {
  const WORD = 2;
  const PLACE = 3;
  const count = (place: Code): Code => [
    ...set(PLACE, andInt(place, int(TABLE - 4))),
    ...storeInt(get(PLACE), COUNTS, addInt(loadInt(get(PLACE), COUNTS), int(1))),
  ];
  const pair = (offset: number): Code => [
    ...set(WORD, loadInt(get(AT), offset)),
    ...count(shiftLeftInt(get(WORD), int(2))),
    ...count(shiftRightInt(get(WORD), int(14))),
  ];
  const body = [...pair(0), ...pair(4), ...set(AT, addInt(get(AT), int(8)))];
  return {
    name: 'countPatterns',
    vectors: 0,
    body: [...repeatWhile(body, lessInt(get(AT), get(BYTES))), ...int(0)],
  };
}

/** Names of the vectors of the function below, each with its place among the results; the first two are no results. */
const NAMES = [
  'bits',
  'size',
  'min',
  'max',
  'sum0',
  'sum1',
  'sum2',
  'sum3',
  'allBits',
  'ordinaryBits',
  'notFinite',
  'zeros',
  'subnormals',
  'halfOverflow',
  'halfUnderflow',
  'halfInexact',
  'bfloatOverflow',
  'bfloatUnderflow',
] as const;
type Name = (typeof NAMES)[number];
const INNER = 2;
const resultOf = (name: Name): number => RESULTS + 16 * (NAMES.indexOf(name) - INNER);

const INFINITY = all(0x7f800000);

/** What `summarizeFloat32` of the plain kernels finds in its first pass, eight numbers at a time. What is not finite is only noted. */
function surveyFloat32(): FunctionCode {
  const local = (name: Name): number => PARAMETERS + NAMES.indexOf(name);
  const value = (name: Name): Code => get(local(name));
  const [bits, size] = [value('bits'), value('size')];
  const gather = (name: Name, found: Code): Code => set(local(name), or(value(name), found));
  const count = (name: Name, mask: Code): Code => set(local(name), sub(value(name), mask));
  const upTo = (limit: number): Code => lessUnsigned(sub(size, all(1)), all(limit));
  const isOrdinary = lessUnsigned(sub(size, all(0x38800000)), all(0x477ff000 - 0x38800000));
  const inHalfUnits = multiplyFloats(bits, all(0x4b800000));
  const special = [
    ...gather('ordinaryBits', and(bits, isOrdinary)),
    ...gather('notFinite', atLeast(size, INFINITY)),
    ...gather(
      'halfInexact',
      and(less(size, all(0x38800000)), unequalFloats(inHalfUnits, nearest(inHalfUnits))),
    ),
    ...count('zeros', equal(size, all(0))),
    ...count('subnormals', upTo(0x7fffff)),
    ...count('halfOverflow', atLeast(size, all(0x477ff000))),
    ...count('halfUnderflow', upTo(0x33000000)),
    ...count('bfloatOverflow', atLeast(size, all(0x7f7f8000))),
    ...count('bfloatUnderflow', upTo(0x8000)),
  ];
  const four = (offset: number, first: Name, last: Name): Code => [
    ...set(local('bits'), load(get(AT), offset)),
    ...set(local('size'), and(bits, all(0x7fffffff))),
    ...either(allTrue(isOrdinary), gather('ordinaryBits', bits), special),
    ...gather('allBits', bits),
    ...set(local('min'), smaller(value('min'), bits)),
    ...set(local('max'), larger(value('max'), bits)),
    ...set(local(first), addDoubles(value(first), firstDoubles(bits))),
    ...set(local(last), addDoubles(value(last), lastDoubles(bits))),
  ];
  const body = [
    ...four(0, 'sum0', 'sum1'),
    ...four(16, 'sum2', 'sum3'),
    ...set(AT, addInt(get(AT), int(32))),
  ];
  return {
    name: 'surveyFloat32',
    vectors: NAMES.length,
    body: [
      ...set(local('min'), INFINITY),
      ...set(local('max'), all(0xff800000)),
      ...repeatWhile(body, lessInt(get(AT), get(BYTES))),
      ...NAMES.slice(INNER).flatMap((name) => store(int(0), resultOf(name), value(name))),
      ...int(0),
    ],
  };
}

/** The squares of the distances of float32 to the mean that stands twice at `RESULTS`, summed in four pairs of float64 there. */
function spreadFloat32(): FunctionCode {
  const [BITS, MEAN, DISTANCE, FIRST_SUM] = [4, 5, 6, 7];
  const square = (sum: number, doubles: Code): Code => [
    ...set(DISTANCE, subDoubles(doubles, get(MEAN))),
    ...set(sum, addDoubles(get(sum), multiplyDoubles(get(DISTANCE), get(DISTANCE)))),
  ];
  const four = (offset: number, sum: number): Code => [
    ...set(BITS, load(get(AT), offset)),
    ...square(sum, firstDoubles(get(BITS))),
    ...square(sum + 1, lastDoubles(get(BITS))),
  ];
  const body = [...four(0, FIRST_SUM), ...four(16, FIRST_SUM + 2), ...set(AT, addInt(get(AT), int(32)))];
  return {
    name: 'spreadFloat32',
    vectors: 7,
    body: [
      ...set(MEAN, load(int(0), RESULTS)),
      ...repeatWhile(body, lessInt(get(AT), get(BYTES))),
      ...[0, 1, 2, 3].flatMap((index) => store(int(0), RESULTS + 16 * index, get(FIRST_SUM + index))),
      ...int(0),
    ],
  };
}

/** Kernels over a window into memory that they share. */
export interface SummaryKernels {
  /** What is to be looked at is put here, from its start. */
  readonly window: Uint8Array<ArrayBuffer>;
  /** Counts the patterns of 16 bits in the first bytes of the window, a multiple of 8. */
  count(bytes: number): void;
  /** How often each pattern was counted. Who has read them sets them to 0 for the next. */
  readonly counters: Uint32Array;
  /** The float32 in the first bytes of the window, a multiple of 32. */
  float32(bytes: number): Summary;
}

/** In plain TypeScript: what the vectors are held against, and what stands in for them. */
export function plainKernels(): SummaryKernels {
  const window = new Uint8Array(WINDOW);
  const patterns = new Uint16Array(window.buffer);
  const counters = new Uint32Array(65536);
  return {
    window,
    counters,
    count(bytes) {
      for (let i = 0; i < bytes / 2; i++) {
        const pattern = patterns[i] as number;
        counters[pattern] = (counters[pattern] as number) + 1;
      }
    },
    float32: (bytes) => summarizeFloat32(new Float32Array(window.buffer, 0, bytes / 4)),
  };
}

/** In vectors; undefined where this engine has none. */
export function vectorSummaryKernels(): SummaryKernels | undefined {
  const machineOn = compile([countPatterns(), surveyFloat32(), spreadFloat32()], PARAMETERS);
  const machine = machineOn?.(allocate(BYTES_OF_MEMORY).buffer);
  if (!machine) return undefined;
  const { memory, functions } = machine;
  const [count, survey, spread] = ['countPatterns', 'surveyFloat32', 'spreadFloat32'].map(
    (name): Kernel =>
      (bytes) =>
        (functions[name] as MachineFunction)(bytes),
  ) as [Kernel, Kernel, Kernel];
  return {
    window: new Uint8Array(memory, 0, WINDOW),
    counters: new Uint32Array(memory, COUNTS, 65536),
    count,
    float32(bytes) {
      survey(bytes);
      const found = readSurvey(memory, bytes / 4, () => spread(bytes));
      // rare enough to be looked at one by one
      return found ?? summarizeFloat32(new Float32Array(memory, 0, bytes / 4));
    },
  };
}

type Kernel = (bytes: number) => number;
/** Undefined where a number is not finite. */
function readSurvey(memory: ArrayBuffer, count: number, spread: () => void): Summary | undefined {
  const lanes = (name: Name) => new Uint32Array(memory, resultOf(name), 4);
  const floats = (name: Name) => new Float32Array(memory, resultOf(name), 4);
  const union = (name: Name) => lanes(name).reduce((bits, lane) => bits | lane, 0);
  const total = (name: Name) => lanes(name).reduce((sum, lane) => sum + lane, 0);
  if (union('notFinite') !== 0) return undefined;
  const mean = sumOf(new Float64Array(memory, resultOf('sum0'), 8)) / count;
  const found = {
    ...EMPTY,
    count,
    zeros: total('zeros'),
    subnormals: total('subnormals'),
    min: Math.min(...floats('min')),
    max: Math.max(...floats('max')),
    mean,
    float16: {
      overflow: total('halfOverflow'),
      underflow: total('halfUnderflow'),
      exact:
        total('halfOverflow') === 0 && union('halfInexact') === 0 && (union('ordinaryBits') & 0x1fff) === 0,
    },
    bfloat16: {
      overflow: total('bfloatOverflow'),
      underflow: total('bfloatUnderflow'),
      exact: (union('allBits') & 0xffff) === 0,
    },
  };
  const results = new Float64Array(memory, RESULTS, 8);
  results.fill(mean);
  spread();
  return { ...found, deviation: Math.sqrt(sumOf(results) / count) };
}

/** In pairs, as the lanes were summed. */
function sumOf(lanes: Float64Array): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = lanes;
  return a + b + (c + d) + (e + f + (g + h));
}
