import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAST_TARGETS, type CastTarget, castOf } from '../../src/numeric/casts.ts';
import { type Dtype, dtypeByName } from '../../src/torch/dtypes.ts';

const dtype = (name: string) => dtypeByName(name) as Dtype;

function run(from: string, to: CastTarget, bytes: Uint8Array): { into: Uint8Array; overflow: number } {
  const into = new Uint8Array((bytes.length / dtype(from).itemSize) * dtype(to).itemSize);
  return { into, overflow: castOf(dtype(from), to)?.(bytes, into) ?? Number.NaN };
}

const bytesOf = (array: { buffer: ArrayBufferLike }) => new Uint8Array(array.buffer);
const toFloats = (bytes: Uint8Array) => new Float32Array(bytes.slice().buffer);
const toWords = (bytes: Uint8Array) => new Uint16Array(bytes.slice().buffer);
const allWords = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** What a pattern stands for, worked out from the definition of the format. */
function meaning(bits: number, exponentBits: number, mantissaBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  if (exponent === 2 ** exponentBits - 1)
    return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** (1 - bias) : (1 + mantissa) * 2 ** (exponent - bias));
}

describe('casts to float32', () => {
  it.each([
    ['float16', 5, 10],
    ['bfloat16', 8, 7],
  ])('of every %s keep the value', (name, exponent, mantissa) => {
    const { into, overflow } = run(name, 'float32', bytesOf(allWords));
    expect(overflow).toBe(0);
    const expected = Float32Array.from(allWords, (bits) => meaning(bits, exponent, mantissa));
    expect(toFloats(into)).toEqual(expected);
  });

  it.each([
    ['float8_e5m2', 0x7b, 57344],
    ['float8_e4m3fn', 0x7e, 448],
    ['float8_e4m3fnuz', 0x7f, 240],
    ['float8_e5m2fnuz', 0x7f, 57344],
    ['float8_e8m0fnu', 0xfe, 2 ** 127],
  ])('of %s know its largest value', (name, bits, value) => {
    expect(toFloats(run(name, 'float32', Uint8Array.of(bits)).into)).toEqual(Float32Array.of(value));
  });

  it('of float64 round to nearest and count what overflows', () => {
    const values = Float64Array.of(1 / 3, -0, 1e300, Number.POSITIVE_INFINITY, Number.NaN, 5e-324);
    const { into, overflow } = run('float64', 'float32', bytesOf(values));
    expect(toFloats(into)).toEqual(Float32Array.from(values));
    expect(overflow).toBe(1);
  });
});

describe.each([
  ['float16', 5, 10, 65520],
  ['bfloat16', 8, 7, 3.3961775292304601e38],
] as const)('casts to %s', (name, exponent, mantissa, beyond) => {
  it('give back what was widened', () => {
    const wide = run(name, 'float32', bytesOf(allWords)).into;
    const back = toWords(run('float32', name, wide).into);
    const differing = allWords.filter(
      (bits) => back[bits] !== bits && !Number.isNaN(meaning(bits, exponent, mantissa)),
    );
    expect(differing).toHaveLength(0);
  });

  it('round to the nearest value, ties to the even one', () => {
    const finite = [...allWords.slice(0, 0x8000)].filter((bits) =>
      Number.isFinite(meaning(bits, exponent, mantissa)),
    );
    fc.assert(
      fc.property(
        fc.nat({ max: finite.length - 2 }),
        fc.constantFrom(0, 0.25, 0.5, 0.75),
        fc.boolean(),
        (index, part, minus) => {
          const [low, high] = [index, index + 1].map((bits) => meaning(bits, exponent, mantissa)) as [
            number,
            number,
          ];
          const value = Math.fround(low + (high - low) * part);
          const nearest =
            value - low < high - value || (value - low === high - value && index % 2 === 0)
              ? index
              : index + 1;
          const signed = minus ? -value : value;
          const [bits] = toWords(run('float32', name, bytesOf(Float32Array.of(signed))).into);
          expect(bits).toBe(nearest | (minus ? 0x8000 : 0));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('count finite values that become infinite, and no others', () => {
    const values = Float32Array.of(
      beyond,
      -beyond,
      beyond * (1 - 2 ** -23),
      Number.POSITIVE_INFINITY,
      Number.NaN,
      1,
    );
    expect(run('float32', name, bytesOf(values)).overflow).toBe(2);
  });

  it('keep NaN a NaN', () => {
    const nans = Uint32Array.of(0x7f800001, 0xffffffff, 0x7fc00000, 0x7f801fff);
    for (const bits of toWords(run('float32', name, bytesOf(nans)).into))
      expect(meaning(bits & 0x7fff, exponent, mantissa)).toBeNaN();
  });
});

describe('every cast', () => {
  it('does not mind where the numbers stand', () => {
    for (const from of ['float64', 'float32', 'float16', 'float8_e4m3fn'])
      for (const to of CAST_TARGETS.filter((target) => target !== from)) {
        const bytes = Uint8Array.from({ length: 64 }, (_, index) => index * 7 + 1);
        const odd = new Uint8Array(65).subarray(1);
        odd.set(bytes);
        const { into } = run(from, to, bytes);
        const oddInto = new Uint8Array(into.length + 1).subarray(1);
        castOf(dtype(from), to)?.(odd, oddInto);
        expect(oddInto).toEqual(into);
      }
  });

  it('is none for what is no float, or the dtype already', () => {
    for (const name of ['int64', 'bool', 'complex64', 'qint8', 'float4_e2m1fn_x2', 'float16'])
      expect(castOf(dtype(name), 'float16')).toBeUndefined();
  });

  it('counts overflow of bfloat16 and powers of two as of float32', () => {
    const { overflow } = run(
      'bfloat16',
      'float16',
      bytesOf(Uint16Array.of(0x7f7f, 0x4780, 0x477f, 0x7f80, 0x3f80)),
    );
    expect(overflow).toBe(2);
    expect(run('float8_e8m0fnu', 'float16', Uint8Array.of(0x8e, 0x8f, 0xff)).overflow).toBe(1);
  });
});
