import type { PairKernel, PairSums } from '../numeric/tfjs-pair-sums.ts';

/** How far the numbers of two tensors are apart. */
export interface NumbersDifference {
  readonly elements: number;
  /** Elements that are not the same number; NaN counts as the same as NaN, and 0 as -0. */
  readonly differing: number;
  /** Of those, where one side or both are infinite or NaN; they stand in none of what follows. */
  readonly notFinite: number;
  /** Largest and mean absolute difference. */
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** Cosine of the angle between the two as vectors; undefined where one of them is zero, or too long for a double. */
  readonly cosine?: number;
}

/** Numbers that can be subtracted. */
export type Numbers = Float32Array | Float64Array;
/** Whole numbers that a double can't hold. */
export type LongIntegers = BigInt64Array | BigUint64Array;

/** Sums over pairs of numbers, in doubles. Each call has sums of its own first, so that small addends are not lost in large sums. */
export class DifferenceSums {
  #elements = 0;
  #finite = 0;
  #differing = 0;
  #notFinite = 0;
  #maxAbs = 0;
  #sumAbs = 0;
  #dot = 0;
  #squaresA = 0;
  #squaresB = 0;

  add(a: Numbers, b: Numbers): void {
    let differing = 0;
    let finite = 0;
    let notFinite = 0;
    let maxAbs = 0;
    let sumAbs = 0;
    let dot = 0;
    let squaresA = 0;
    let squaresB = 0;
    for (let i = 0; i < a.length; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      const size = Math.abs(x - y);
      // NaN, and the infinities, are less than no number
      if (size < Number.POSITIVE_INFINITY) {
        finite++;
        if (size > 0) differing++;
        if (size > maxAbs) maxAbs = size;
        sumAbs += size;
        dot += x * y;
        squaresA += x * x;
        squaresB += y * y;
      } else if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) {
        differing++;
        notFinite++;
      }
    }
    this.#elements += a.length;
    this.#finite += finite;
    this.#differing += differing;
    this.#notFinite += notFinite;
    this.#maxAbs = Math.max(this.#maxAbs, maxAbs);
    this.#sumAbs += sumAbs;
    this.#dot += dot;
    this.#squaresA += squaresA;
    this.#squaresB += squaresB;
  }

  /**
   * As `add`, with the sums of a kernel, where it gives any. How many differ, and by how much at most, is found here: the verdict hangs on
   * it, and a kernel rounds differences.
   */
  addFloats(a: Float32Array, b: Float32Array, kernel: PairKernel): void {
    const sums = kernel.sums(a, b);
    if (sums) this.#addSums(a, b, sums);
    else this.add(a, b);
  }

  #addSums(a: Float32Array, b: Float32Array, { sumAbs, dot, squaresA, squaresB }: PairSums): void {
    let differing = 0;
    let maxAbs = 0;
    for (let i = 0; i < a.length; i++) {
      const size = Math.abs((a[i] as number) - (b[i] as number));
      if (size > 0) differing++;
      if (size > maxAbs) maxAbs = size;
    }
    this.#elements += a.length;
    this.#finite += a.length;
    this.#differing += differing;
    this.#maxAbs = Math.max(this.#maxAbs, maxAbs);
    this.#sumAbs += sumAbs;
    this.#dot += dot;
    this.#squaresA += squaresA;
    this.#squaresB += squaresB;
  }

  /** Differences are taken before anything is rounded: 2^53 and 2^53 + 1 are two numbers. */
  addIntegers(a: LongIntegers, b: LongIntegers): void {
    for (let i = 0; i < a.length; i++) {
      const x = a[i] as bigint;
      const y = b[i] as bigint;
      if (x !== y) {
        const size = Math.abs(Number(x - y));
        this.#differing++;
        this.#maxAbs = Math.max(this.#maxAbs, size);
        this.#sumAbs += size;
      }
      this.#dot += Number(x) * Number(y);
      this.#squaresA += Number(x) ** 2;
      this.#squaresB += Number(y) ** 2;
    }
    this.#elements += a.length;
    this.#finite += a.length;
  }

  result(): NumbersDifference {
    const lengths = Math.sqrt(this.#squaresA) * Math.sqrt(this.#squaresB);
    const cosine = this.#dot / lengths;
    return {
      elements: this.#elements,
      differing: this.#differing,
      notFinite: this.#notFinite,
      maxAbs: this.#maxAbs,
      meanAbs: this.#finite > 0 ? this.#sumAbs / this.#finite : 0,
      // rounding may carry it past what a cosine can be
      ...(Number.isFinite(cosine) && { cosine: Math.min(1, Math.max(-1, cosine)) }),
    };
  }
}
