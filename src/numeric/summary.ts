/** What a cast to a 16-bit float would do to the numbers, with torch's rounding: to nearest, ties to even. */
export interface CastForecast {
  /** Finite numbers that would become infinite. */
  readonly overflow: number;
  /** Numbers other than zero that would become zero. */
  readonly underflow: number;
  /** Every number would be the same after the cast. */
  readonly exact: boolean;
}

/**
 * Some numbers in short. Minimum, maximum, mean and deviation are those of the finite ones; they are 0, and say nothing, where there
 * is none.
 */
export interface Summary {
  readonly count: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly zeros: number;
  /** Smaller than the smallest normal number of their format, and not zero. */
  readonly subnormals: number;
  /** A bigint where a number would round it. */
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly mean: number;
  /** What the mean lost to rounding; beside a large mean a small deviation needs it. */
  readonly meanRest: number;
  /** Square root of the mean square of the distances to the mean. */
  readonly deviation: number;
  readonly float16: CastForecast;
  readonly bfloat16: CastForecast;
}

const UNCHANGED: CastForecast = { overflow: 0, underflow: 0, exact: true };

export const EMPTY: Summary = {
  count: 0,
  nan: 0,
  positiveInfinity: 0,
  negativeInfinity: 0,
  zeros: 0,
  subnormals: 0,
  min: 0,
  max: 0,
  mean: 0,
  meanRest: 0,
  deviation: 0,
  float16: UNCHANGED,
  bfloat16: UNCHANGED,
};

export function finiteCount({ count, nan, positiveInfinity, negativeInfinity }: Summary): number {
  return count - nan - positiveInfinity - negativeInfinity;
}

/** All numbers are finite and the same. */
export function isConstant(summary: Summary): boolean {
  return finiteCount(summary) === summary.count && summary.min === summary.max;
}

/**
 * The summary of both. Means and deviations by the pairwise formula of Chan, Golub and LeVeque, written with roots of squares, so that
 * neither 1e300 overflows nor 1e-300 vanishes on the way.
 */
export function merge(a: Summary, b: Summary): Summary {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const [inA, inB] = [finiteCount(a), finiteCount(b)];
  return {
    count: a.count + b.count,
    nan: a.nan + b.nan,
    positiveInfinity: a.positiveInfinity + b.positiveInfinity,
    negativeInfinity: a.negativeInfinity + b.negativeInfinity,
    zeros: a.zeros + b.zeros,
    subnormals: a.subnormals + b.subnormals,
    ...mergeMoments(a, inA, b, inB),
    float16: mergeForecasts(a.float16, b.float16),
    bfloat16: mergeForecasts(a.bfloat16, b.bfloat16),
  };
}

type Moments = Pick<Summary, 'min' | 'max' | 'mean' | 'meanRest' | 'deviation'>;

function mergeMoments(a: Moments, inA: number, b: Moments, inB: number): Moments {
  if (inA === 0 || inB === 0) {
    const { min, max, mean, meanRest, deviation } = inA === 0 ? b : a;
    return { min, max, mean, meanRest, deviation };
  }
  const [shareA, shareB] = [inA / (inA + inB), inB / (inA + inB)];
  const both = Math.sqrt(shareA * shareB);
  const distance = b.mean - a.mean + (b.meanRest - a.meanRest);
  const isWide = !Number.isFinite(distance);
  return {
    ...(b.min < a.min ? { min: b.min } : { min: a.min }),
    ...(b.max > a.max ? { max: b.max } : { max: a.max }),
    ...(isWide
      ? { mean: a.mean * shareA + b.mean * shareB, meanRest: 0 }
      : exactSum(a.mean, a.meanRest + distance * shareB)),
    deviation: Math.hypot(
      a.deviation * Math.sqrt(shareA),
      b.deviation * Math.sqrt(shareB),
      isWide ? b.mean * both - a.mean * both : distance * both,
    ),
  };
}

/** Knuth's sum: the rounded sum, and what it lost. */
function exactSum(a: number, b: number): Pick<Summary, 'mean' | 'meanRest'> {
  const mean = a + b;
  const fromB = mean - a;
  return { mean, meanRest: a - (mean - fromB) + (b - fromB) };
}

function mergeForecasts(a: CastForecast, b: CastForecast): CastForecast {
  return {
    overflow: a.overflow + b.overflow,
    underflow: a.underflow + b.underflow,
    exact: a.exact && b.exact,
  };
}

/** The summary of the same numbers so many times over, as an expanded view shows them. */
export function repeated(summary: Summary, times: number): Summary {
  if (times === 1) return summary;
  const cast = ({ overflow, underflow, exact }: CastForecast) => ({
    overflow: overflow * times,
    underflow: underflow * times,
    exact,
  });
  return {
    ...summary,
    count: summary.count * times,
    nan: summary.nan * times,
    positiveInfinity: summary.positiveInfinity * times,
    negativeInfinity: summary.negativeInfinity * times,
    zeros: summary.zeros * times,
    subnormals: summary.subnormals * times,
    float16: cast(summary.float16),
    bfloat16: cast(summary.bfloat16),
  };
}

/** The summary of the numbers with their signs changed. */
export function negated(summary: Summary): Summary {
  return {
    ...summary,
    positiveInfinity: summary.negativeInfinity,
    negativeInfinity: summary.positiveInfinity,
    min: minus(summary.max),
    max: minus(summary.min),
    mean: minus(summary.mean) as number,
    meanRest: minus(summary.meanRest) as number,
  };
}

function minus(value: number | bigint): number | bigint {
  return value === 0 ? 0 : -value;
}

/** Square root of the sum of the squares of the finite numbers. */
export function euclideanNorm(summary: Summary): number {
  return Math.hypot(summary.deviation, summary.mean) * Math.sqrt(finiteCount(summary));
}

/** Standard deviation of a sample, as `torch.std` gives it; undefined for fewer than two finite numbers. */
export function sampleDeviation(summary: Summary): number | undefined {
  const finite = finiteCount(summary);
  return finite < 2 ? undefined : summary.deviation * Math.sqrt(finite / (finite - 1));
}
