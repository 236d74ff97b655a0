/**
 * WebAssembly for kernels that JavaScript is several times too slow for, written as expressions: each function gives the bytes of the
 * code that leaves its value on the stack. Numbers of opcodes are those of the WebAssembly specification, version 2.0.
 */
export type Code = readonly number[];

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128 of a whole number below 2^31. */
function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const simd = (opcode: number): number[] => [0xfd, ...leb(opcode)];
const binary =
  (...opcode: number[]) =>
  (a: Code, b: Code): Code => [...a, ...b, ...opcode];

export const get = (local: number): Code => [0x20, ...leb(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...leb(local)];
export const int = (value: number): Code => [0x41, ...signedLeb(value)];
export const addInt = binary(0x6a);
export const lessInt = binary(0x49);
export const andInt = binary(0x71);
export const shiftLeftInt = binary(0x74);
export const shiftRightInt = binary(0x76);
export const loadInt = (address: Code, offset: number): Code => [...address, 0x28, 0, ...leb(offset)];
export const storeInt = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  0x36,
  0,
  ...leb(offset),
];

/** Four times the same 32 bits. */
export const all = (bits: number): Code => {
  const word = [bits & 0xff, (bits >>> 8) & 0xff, (bits >>> 16) & 0xff, bits >>> 24];
  return [...simd(0x0c), ...word, ...word, ...word, ...word];
};
export const load = (address: Code, offset: number): Code => [...address, ...simd(0x00), 0, ...leb(offset)];
export const store = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  ...simd(0x0b),
  0,
  ...leb(offset),
];
/** Comparisons and shifts of four whole numbers; a comparison gives ones in all bits where it holds. */
export const less = binary(...simd(0x39));
export const greater = binary(...simd(0x3b));
export const equal = binary(...simd(0x37));
export const lessUnsigned = binary(...simd(0x3a));
export const atLeast = binary(...simd(0x3f));
export const and = binary(...simd(0x4e));
export const or = binary(...simd(0x50));
/** Bits that are set in one of two, and not in the other. */
export const xor = binary(...simd(0x51));
export const max = binary(...simd(0xb8));
export const add = binary(...simd(0xae));
export const sub = binary(...simd(0xb1));
/** The sum of four float32, rounded as the processor rounds: to nearest, ties to even. */
export const addFloats = binary(...simd(0xe4));
export const multiplyFloats = binary(...simd(0xe6));
export const unequalFloats = binary(...simd(0x42));
/** The whole numbers nearest to four float32. */
export const nearest = (value: Code): Code => [...value, ...simd(0x6a)];
/** Lane by lane the smaller and the larger of four float32; NaN is passed over or on. */
export const smaller = binary(...simd(0xea));
export const larger = binary(...simd(0xeb));
/** The first two, or the last two, of four float32 as float64. */
export const firstDoubles = (value: Code): Code => [...value, ...simd(0x5f)];
export const lastDoubles = (value: Code): Code =>
  firstDoubles([...value, ...value, ...simd(0x0d), ...Array.from({ length: 16 }, (_, at) => (at + 8) % 16)]);
/** Sums, differences and products of two float64. */
export const addDoubles = binary(...simd(0xf0));
export const subDoubles = binary(...simd(0xf1));
export const multiplyDoubles = binary(...simd(0xf2));
export const right = (value: Code, bits: number): Code => [...value, ...int(bits), ...simd(0xad)];
export const choose = (condition: Code, then: Code, otherwise: Code): Code => [
  ...then,
  ...otherwise,
  ...condition,
  ...simd(0x52),
];
/** 1 where all four numbers are something else than 0. */
export const allTrue = (value: Code): Code => [...value, ...simd(0xa3)];
/** 1 where any bit is set. */
export const anyTrue = (value: Code): Code => [...value, ...simd(0x53)];
/** One of two pieces of code that leave nothing on the stack. */
export const either = (condition: Code, then: Code, otherwise: Code): Code => [
  ...condition,
  0x04,
  0x40,
  ...then,
  0x05,
  ...otherwise,
  0x0b,
];
/** Eight 16-bit numbers of two times four that fit into 16 bits. */
export const narrow = binary(...simd(0x86));
export const lane = (value: Code, index: number): Code => [...value, ...simd(0x1b), index];

/** Repeats the body while the condition holds, which is asked after each time. */
export const repeatWhile = (body: Code, condition: Code): Code => [
  0x03,
  0x40,
  ...body,
  ...condition,
  0x0d,
  0,
  0x0b,
];

export interface FunctionCode {
  readonly name: string;
  /** Number of 128-bit locals; they are numbered after the arguments. */
  readonly vectors: number;
  /** Leaves the result on the stack. */
  readonly body: Code;
}

const I32 = 0x7f;
const V128 = 0x7b;

const section = (id: number, ...content: Code[]): Code => {
  const bytes = content.flat();
  return [id, ...leb(bytes.length), ...bytes];
};
const text = (value: string): Code => [...leb(value.length), ...Buffer.from(value, 'latin1')];

/** Where the module takes its memory from. */
export const MEMORY_IMPORT = { module: 'numbers', name: 'memory' } as const;

/** A module with functions of so many whole numbers to one, on a memory that it is given. */
export function assemble(functions: readonly FunctionCode[], parameters: number): Uint8Array<ArrayBuffer> {
  const bodies = functions.map(({ vectors, body }) => {
    const code = [1, ...leb(vectors), V128, ...body, 0x0b];
    return [...leb(code.length), ...code];
  });
  const exported = functions.map(({ name }, index) => [...text(name), 0, ...leb(index)]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, ...leb(parameters)], new Array<number>(parameters).fill(I32), [1, I32]),
    ...section(2, [1], text(MEMORY_IMPORT.module), text(MEMORY_IMPORT.name), [2, 0, 0]),
    ...section(
      3,
      leb(functions.length),
      functions.flatMap(() => [0]),
    ),
    ...section(7, leb(functions.length), ...exported),
    ...section(10, leb(functions.length), ...bodies),
  ]);
}
