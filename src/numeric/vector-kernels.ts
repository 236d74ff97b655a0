import {
  add,
  addFloats,
  addInt,
  all,
  allTrue,
  and,
  atLeast,
  build,
  type Code,
  choose,
  either,
  equal,
  type FunctionCode,
  get,
  greater,
  halved,
  int,
  lane,
  less,
  lessInt,
  lessUnsigned,
  load,
  narrow,
  or,
  repeatWhile,
  right,
  set,
  store,
  sub,
} from './vector-code.ts';

/** Bytes of float32 that are narrowed at a time: with the result they stay in the cache of the processor. */
const BLOCK = 64 * 1024;
const PAGES = 2;

/** Locals of the functions: the argument is the number of bytes. */
const BYTES = 0;
const AT = 1;
const BITS = 2;
const SIZE = 3;
const FIRST = 4;
const ROUNDED = 5;
const OVERFLOW = 6;

const INFINITY = all(0x7f800000);
const bits = get(BITS);
const size = get(SIZE);

/** How four float32, their bits in `BITS` and those without the signs in `SIZE`, become four numbers of 16 bits in `ROUNDED`. */
interface Rounding {
  /** Holds for numbers of ordinary size, which are nearly all, and whose rounding is short. */
  readonly isOrdinary: Code;
  readonly ordinary: Code;
  /** Of any numbers. */
  readonly rounded: Code;
  readonly overflows: Code;
}

const SIGN = and(right(bits, 16), all(0x8000));
const NORMAL_HALF = right(add(add(size, all(0xc8000fff)), and(right(size, 13), all(1))), 13);
const NEAREST_BFLOAT16 = right(add(add(bits, all(0x7fff)), and(right(bits, 16), all(1))), 16);

/** As `halfOf`: the addition of 0.5 rounds a float32 that is a subnormal float16 to its last bit. */
const HALF: Rounding = {
  isOrdinary: lessUnsigned(sub(size, all(0x38800000)), all(0x477ff000 - 0x38800000)),
  ordinary: or(NORMAL_HALF, SIGN),
  rounded: or(
    choose(
      less(size, all(0x38800000)),
      sub(addFloats(size, all(0x3f000000)), all(0x3f000000)),
      choose(
        atLeast(size, all(0x477ff000)),
        choose(greater(size, INFINITY), or(all(0x7e00), and(right(size, 13), all(0x3ff))), all(0x7c00)),
        NORMAL_HALF,
      ),
    ),
    SIGN,
  ),
  overflows: and(atLeast(size, all(0x477ff000)), less(size, INFINITY)),
};

/** As `bfloat16Of`, with the NaN of torch's vector code. */
const BFLOAT16: Rounding = {
  isOrdinary: less(size, all(0x7f000000)),
  ordinary: NEAREST_BFLOAT16,
  rounded: choose(greater(size, INFINITY), all(0xffff), NEAREST_BFLOAT16),
  overflows: and(equal(and(get(ROUNDED), all(0x7fff)), all(0x7f80)), less(size, INFINITY)),
};

/** Narrows float32 at 0 to 16 bits at `BLOCK`, eight at a time, and counts what overflows. */
function narrowing(name: string, { isOrdinary, ordinary, rounded, overflows }: Rounding): FunctionCode {
  const four = (offset: number): Code => [
    ...set(BITS, load(get(AT), offset)),
    ...set(SIZE, and(bits, all(0x7fffffff))),
    ...either(allTrue(isOrdinary), set(ROUNDED, ordinary), [
      ...set(ROUNDED, rounded),
      ...set(OVERFLOW, sub(get(OVERFLOW), overflows)),
    ]),
  ];
  const body = [
    ...four(0),
    ...set(FIRST, get(ROUNDED)),
    ...four(16),
    ...store(halved(get(AT)), BLOCK, narrow(get(FIRST), get(ROUNDED))),
    ...set(AT, addInt(get(AT), int(32))),
  ];
  const count = [0, 1, 2, 3].map((index) => lane(get(OVERFLOW), index)).reduce(addInt);
  return { name, ints: 1, vectors: 5, body: [...repeatWhile(body, lessInt(get(AT), get(BYTES))), ...count] };
}

/**
 * Narrows float32 to 16-bit floats; both stand in little-endian bytes anywhere.
 * @returns how many finite values became infinite.
 */
export type VectorKernel = (from: Uint8Array, into: Uint8Array) => number;

/** Undefined where this engine has no vector instructions. */
export const vectorKernels: { readonly float16: VectorKernel; readonly bfloat16: VectorKernel } | undefined =
  compile();

function compile() {
  const machine = build([narrowing('float16', HALF), narrowing('bfloat16', BFLOAT16)], PAGES);
  if (!machine) return undefined;
  const memory = new Uint8Array(machine.memory);
  const kernel =
    (name: string): VectorKernel =>
    (from, into) => {
      const run = machine.functions[name] as (bytes: number) => number;
      let overflow = 0;
      for (let at = 0; at < from.length; at += BLOCK) {
        const length = Math.min(BLOCK, from.length - at);
        memory.set(from.subarray(at, at + length));
        // what stands behind the last value is narrowed too, and must not be counted
        const whole = Math.ceil(length / 32) * 32;
        memory.fill(0, length, whole);
        overflow += run(whole);
        into.set(memory.subarray(BLOCK, BLOCK + length / 2), at / 2);
      }
      return overflow;
    };
  return { float16: kernel('float16'), bfloat16: kernel('bfloat16') };
}
