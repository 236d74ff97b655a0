import { crc32 as plainCrc32 } from 'node:zlib';
import {
  addInt,
  type FunctionCode,
  get,
  int,
  lessInt,
  load,
  repeatWhile,
  set,
  store,
  xor,
} from '../vector/code.ts';
import { allocate, compile, type MachineFunction, WORK_BYTES } from '../vector/machine.ts';

/**
 * CRC-32 several times as fast as zlib's, which looks at a byte or a word at a time.
 *
 * Bytes are a polynomial over GF(2), and their CRC is its remainder by the polynomial P of CRC-32. It stays the same when multiples of P
 * are taken away, and `y^300 + y^155 + y^117 + y^89 + 1` is one for `y = x` and so, since squares of sums are sums of squares over
 * GF(2), for `y = x^128`: the power that leads from a vector of 128 bits to the one before it. To take the leading vector away, it is
 * added 145, 183, 211 and 300 vectors behind it: four instructions for 16 bytes. What is left in the end are 300 vectors,
 * which zlib looks at.
 */
const SHIFTS = [145, 183, 211, 300] as const;

const VECTOR = 16;
/** Vectors in one turn of the loop. */
const TURN = 4;
/** Bytes that are left in the end, and that stand before the vectors of a block as they became. */
const REST = 300 * VECTOR;
/** Bytes that are looked at in one call; they and what becomes of them stay in the cache of the processor. */
const BLOCK = 64 * 1024;
/** Below this zlib is done sooner. */
const WORTH_IT = 16 * 1024;

/** Where things stand among the bytes for work: what became of the last vectors before, and of these; and what is left of all. */
const TAKEN_NOW = REST;
const LEFT = TAKEN_NOW + 2 * BLOCK + TURN * VECTOR;

const FROM = 0;
const END = 1;
/** What was taken away before, as far before this as the vectors are to be shifted. */
const BEFORE = 2;
const INTO = 3;
const PARAMETERS = 4;

/** Each vector with those before it that were taken away, at their shifts. */
function foldVectors(): FunctionCode {
  const turn = Array.from({ length: TURN }, (_, index) => {
    const shifted = SHIFTS.map((shift) => load(get(BEFORE), (REST / VECTOR + index - shift) * VECTOR));
    return store(get(INTO), index * VECTOR, shifted.reduce(xor, load(get(FROM), index * VECTOR)));
  }).flat();
  const next = [FROM, BEFORE, INTO].flatMap((local) => set(local, addInt(get(local), int(TURN * VECTOR))));
  return {
    name: 'fold',
    vectors: 0,
    body: [...repeatWhile([...turn, ...next], lessInt(get(FROM), get(END))), ...int(0)],
  };
}

let kernel: ((bytes: Uint8Array, seed: number) => number) | undefined;

/**
 * CRC-32 of bytes, as zip archives declare it. Bytes in memory of `allocate` are looked at where they stand, others are copied.
 * @param seed The CRC of the bytes before them.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  if (bytes.length < WORTH_IT) return plainCrc32(bytes, seed);
  kernel ??= vectorCrc32() ?? plainCrc32;
  return kernel(bytes, seed);
}

/** Undefined where this engine has no vector instructions. */
function vectorCrc32(): typeof kernel {
  const machineOn = compile([foldVectors()], PARAMETERS);
  const own = allocate(2 * BLOCK);
  const home = machineOn?.(own.buffer);
  if (!machineOn || !home) return undefined;
  return (bytes, seed) => {
    const there = machineOn(bytes.buffer);
    const { memory, functions } = there ?? home;
    const fold = functions.fold as MachineFunction;
    const start = memory.byteLength - WORK_BYTES;
    const work = new Uint8Array(memory, start, WORK_BYTES);
    work.fill(0, 0, TAKEN_NOW);
    // what the CRC of the bytes before adds to the first four of these
    new DataView(memory, start, 4).setUint32(0, ~seed, true);
    const whole = bytes.length - (bytes.length % (TURN * VECTOR));
    for (let at = 0; ; at += BLOCK) {
      const isLast = whole - at < 2 * BLOCK;
      const count = isLast ? whole - at : BLOCK;
      if (!there) own.set(bytes.subarray(at, at + count));
      const from = there ? bytes.byteOffset + at : 0;
      const taken = isLast ? count - REST : count;
      fold(from, from + taken, start, start + TAKEN_NOW);
      work.copyWithin(0, taken, TAKEN_NOW + taken);
      if (!isLast) continue;
      // none of the last vectors is taken away, so that none is added to another
      work.fill(0, TAKEN_NOW, TAKEN_NOW + REST);
      fold(from + taken, from + count, start, start + LEFT);
      const left = work.subarray(LEFT, LEFT + REST);
      return plainCrc32(bytes.subarray(whole), plainCrc32(left, 0xffffffff));
    }
  };
}
