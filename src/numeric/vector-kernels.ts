import {
  add,
  addFloats,
  addInt,
  all,
  and,
  anyTrue,
  type Code,
  choose,
  either,
  type FunctionCode,
  get,
  greater,
  int,
  lane,
  less,
  lessInt,
  load,
  max,
  narrow,
  or,
  repeatWhile,
  right,
  set,
  store,
  sub,
} from '../vector/code.ts';
import { allocate, compile, type MachineFunction } from '../vector/machine.ts';

/** Bytes of float32 that are narrowed at a time: with the result they stay in the cache of the processor. */
const BLOCK = 64 * 1024;
/** Bytes that are narrowed in one turn of the loop. */
const TURN = 32;

/** Locals of the functions: the arguments are where the numbers begin, where they end, and where the narrow ones shall stand. */
const FROM = 0;
const END = 1;
const INTO = 2;
const PARAMETERS = 3;
/** Two times four numbers: their bits, and those without the signs. */
const FOURS = [
  { bits: 3, size: 4 },
  { bits: 5, size: 6 },
] as const;
const STEP = 7;
const FIRST = 8;
const ROUNDED = 9;
const OVERFLOW = 10;
const VECTORS = 8;

const INFINITY = all(0x7f800000);

/** How four float32, of which the bits and those without the signs are given, become four numbers of 16 bits. */
interface Rounding {
  /** The largest size, as bits, up to which `ordinary` holds: all but what becomes infinite, and NaN. */
  readonly largest: number;
  /** Leaves the result in `ROUNDED`. */
  ordinary(bits: Code, size: Code): Code;
  /** Of those beyond `largest`, what they become, and whether they were finite. */
  beyond(bits: Code, size: Code): Code;
  overflows(size: Code): Code;
}

const signOf = (bits: Code): Code => and(right(bits, 16), all(0x8000));

/**
 * As `halfOf`. Added to a power of two whose last bit is worth as much as the last bit of the float16, a float32 is rounded as it
 * has to be, and how far the sum is from that power counts those bits. Subnormal float16 all take the power of the smallest normal.
 */
const HALF: Rounding = {
  largest: 0x477fefff,
  ordinary(bits, size) {
    const smallest = 0x38800000;
    const step = get(STEP);
    const power = add(step, all(13 << 23));
    const exponent = sub(right(step, 13), all(smallest >>> 13));
    return [
      ...set(STEP, max(and(size, INFINITY), all(smallest))),
      ...set(ROUNDED, or(add(sub(addFloats(size, power), power), exponent), signOf(bits))),
    ];
  },
  beyond: (bits, size) =>
    or(
      choose(greater(size, INFINITY), or(all(0x7e00), and(right(size, 13), all(0x3ff))), all(0x7c00)),
      signOf(bits),
    ),
  overflows: (size) => less(size, INFINITY),
};

/** As `bfloat16Of`, with the NaN of torch's vector code. */
const BFLOAT16: Rounding = {
  largest: 0x7f7f7fff,
  ordinary: (bits) => set(ROUNDED, right(add(add(bits, all(0x7fff)), and(right(bits, 16), all(1))), 16)),
  beyond: (bits, size) => choose(greater(size, INFINITY), all(0xffff), or(all(0x7f80), signOf(bits))),
  overflows: (size) => less(size, INFINITY),
};

/** Narrows float32 to 16 bits, eight at a time, and counts what overflows. */
function narrowing(name: string, { largest, ordinary, beyond, overflows }: Rounding): FunctionCode {
  const [one, other] = FOURS.map(({ bits, size }) => ({ bits: get(bits), size: get(size) })) as [
    { bits: Code; size: Code },
    { bits: Code; size: Code },
  ];
  const read = FOURS.flatMap(({ bits, size }, index) => [
    ...set(bits, load(get(FROM), 16 * index)),
    ...set(size, and(get(bits), all(0x7fffffff))),
  ]);
  const mixed = ({ bits, size }: typeof one): Code => {
    const isBeyond = greater(size, all(largest));
    return [
      ...ordinary(bits, size),
      ...set(ROUNDED, choose(isBeyond, beyond(bits, size), get(ROUNDED))),
      ...set(OVERFLOW, sub(get(OVERFLOW), and(isBeyond, overflows(size)))),
    ];
  };
  const both = (round: (four: typeof one) => Code): Code => [
    ...round(one),
    ...set(FIRST, get(ROUNDED)),
    ...round(other),
  ];
  const body = [
    ...read,
    ...either(
      anyTrue(greater(max(one.size, other.size), all(largest))),
      both(mixed),
      both(({ bits, size }) => ordinary(bits, size)),
    ),
    ...store(get(INTO), 0, narrow(get(FIRST), get(ROUNDED))),
    ...set(FROM, addInt(get(FROM), int(TURN))),
    ...set(INTO, addInt(get(INTO), int(TURN / 2))),
  ];
  const count = [0, 1, 2, 3].map((index) => lane(get(OVERFLOW), index)).reduce(addInt);
  return {
    name,
    vectors: VECTORS,
    body: [...repeatWhile(body, lessInt(get(FROM), get(END))), ...count],
  };
}

/**
 * Narrows float32 to 16-bit floats; both stand in little-endian bytes anywhere, best in one memory of `allocate`: from or to anywhere
 * else they are copied.
 * @returns how many finite values became infinite.
 */
export type VectorKernel = (from: Uint8Array, into: Uint8Array) => number;

export interface VectorKernels {
  readonly float16: VectorKernel;
  readonly bfloat16: VectorKernel;
}

/** Undefined where this engine has no vector instructions. */
export const vectorKernels: VectorKernels | undefined = makeKernels();

function makeKernels(): VectorKernels | undefined {
  const machineOn = compile([narrowing('float16', HALF), narrowing('bfloat16', BFLOAT16)], PARAMETERS);
  const own = allocate(BLOCK + BLOCK / 2);
  const home = machineOn?.(own.buffer);
  if (!machineOn || !home) return undefined;
  const results = own.subarray(BLOCK);
  const kernel =
    (name: string): VectorKernel =>
    (from, into) => {
      const there = from.buffer === into.buffer ? machineOn(from.buffer) : undefined;
      const inPlace = there ? from.length - (from.length % TURN) : 0;
      let overflow = 0;
      if (inPlace > 0) {
        const narrow = there?.functions[name] as MachineFunction;
        overflow += narrow(from.byteOffset, from.byteOffset + inPlace, into.byteOffset);
      }
      for (let at = inPlace; at < from.length; at += BLOCK) {
        const numbers = from.subarray(at, at + BLOCK);
        const end = Math.ceil(numbers.length / TURN) * TURN;
        own.set(numbers);
        // what stands behind the last is narrowed too, and must not be counted
        own.fill(0, numbers.length, end);
        overflow += (home.functions[name] as MachineFunction)(0, end, BLOCK);
        into.set(results.subarray(0, numbers.length / 2), at / 2);
      }
      return overflow;
    };
  return { float16: kernel('float16'), bfloat16: kernel('bfloat16') };
}
