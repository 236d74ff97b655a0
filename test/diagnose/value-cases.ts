import { dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import { built, clean, file } from './case-builders.ts';
import type { RuleCases } from './cases.ts';

/** Numbers that look like weights: no two the same, none of 16 bits. */
export const weights = (count: number, seed = 1): number[] =>
  Array.from({ length: count }, (_, index) => Math.sin(seed * 12.9898 + index * 78.233) / 7);

const floats = (values: readonly number[], shape = [values.length]) =>
  tensor({ shape, bytes: new Uint8Array(Float32Array.from(values).buffer) });
const halves = (patterns: readonly number[], shape = [patterns.length]) =>
  tensor({ shape, dtype: 'float16', bytes: new Uint8Array(Uint16Array.from(patterns).buffer) });
const doubles = (values: readonly number[]) =>
  tensor({
    shape: [values.length],
    dtype: 'float64',
    bytes: new Uint8Array(Float64Array.from(values).buffer),
  });
const integers = (values: readonly number[]) =>
  tensor({ shape: [values.length], dtype: 'int64', bytes: longs(values) });
const longs = (values: readonly number[]) => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
const model = (name: string, ...[values, shape]: Parameters<typeof floats>) =>
  orderedDict({ 'fc.weight': floats(weights(64), [8, 8]), [name]: floats(values, shape) });

const sound = built('weights of all kinds', () =>
  orderedDict({
    'fc.weight': floats(weights(512), [8, 64]),
    'fc.bias': floats([0, 0, 0, 0]),
    'norm.weight': floats([1, 1, 1, 1]),
    'head.weight': halves([0x3c00, 0x3800, 0xb400, 0x0001], [2, 2]),
    step: integers([7]),
  }),
);
const files = [file('clean/state_dict.pth'), file('clean/strides.pth'), file('clean/rezipped_deflated.pth')];
const quiet = [clean, sound, ...files];
const truncated = (value: number) => Math.fround(new Float32Array(bits(value & 0xffff0000))[0] as number);
const bits = (word: number) => Uint32Array.of(word).buffer;
const asBfloat = (values: readonly number[]) =>
  values.map((value) => truncated(new Uint32Array(Float32Array.of(value).buffer)[0] as number));

export const VALUE_CASES: Readonly<Record<string, RuleCases>> = {
  'values/nan': {
    values: true,
    triggers: [
      built('one in float32', () => model('fc.bias', [1, Number.NaN, 2])),
      built('in float64', () => dict({ a: doubles([Number.NaN]) })),
      built('in float16, of a tensor at two paths', () => {
        const hit = halves([0x7e00, 0x3c00]);
        return dict({ a: hit, b: hit });
      }),
    ],
    quiet: [...quiet, built('infinities', () => dict({ a: floats([1, Number.POSITIVE_INFINITY]) }))],
  },
  'values/inf': {
    values: true,
    triggers: [
      built('one in float32', () => model('fc.bias', [1, Number.NEGATIVE_INFINITY, 2])),
      built('of a cast to float16', () => dict({ a: halves([0x7c00, 0x3c00, 0xfc00]) })),
      built('+Inf and 0', () => dict({ a: floats([0, Number.POSITIVE_INFINITY]) })),
    ],
    quiet: [
      ...quiet,
      built('a mask of attention', () => dict({ mask: floats([0, Number.NEGATIVE_INFINITY, 0]) })),
      built('NaN', () => dict({ a: floats([Number.NaN, 1]) })),
    ],
  },
  'values/all-zero': {
    values: true,
    triggers: [built('a matrix', () => model('out.weight', new Array(12).fill(0), [3, 4]))],
    quiet: [
      ...quiet,
      built('a bias', () => model('out.bias', [0, 0, 0])),
      built('a mask', () => model('out.mask', [0, 0, 0, 0], [2, 2])),
      built('all but one', () => model('out.weight', [0, 0, 0, 1e-30], [2, 2])),
    ],
  },
  'values/constant': {
    values: true,
    triggers: [built('a matrix', () => model('out.weight', new Array(12).fill(0.5), [3, 4]))],
    quiet: [
      ...quiet,
      built('zeros', () => model('out.weight', [0, 0, 0, 0], [2, 2])),
      built('a scale', () => model('norm.weight', [1, 1, 1])),
      built('NaN beside it', () => model('out.weight', [1, 1, 1, Number.NaN], [2, 2])),
    ],
  },
  'values/fp16-overflow': {
    values: true,
    triggers: [
      built('float32', () => model('norm.weight', [65504, -65520])),
      built('float64', () => dict({ a: doubles([1e300]) })),
    ],
    quiet: [
      ...quiet,
      built('the largest that round down', () => model('norm.weight', [65504, -65519])),
      built('what is infinite already', () => model('norm.weight', [Number.POSITIVE_INFINITY])),
      built('integers', () => dict({ a: integers([1e12]) })),
    ],
  },
  'values/duplicate-tensors': {
    values: true,
    triggers: [
      built('an embedding and a head', () =>
        orderedDict({
          'embed.weight': floats(weights(512), [8, 64]),
          'head.weight': floats(weights(512), [64, 8]),
        }),
      ),
    ],
    quiet: [
      ...quiet,
      built('the same tensor at two paths', () => {
        const tied = floats(weights(512));
        return orderedDict({ 'embed.weight': tied, 'head.weight': tied });
      }),
      built('the same numbers in another order', () =>
        orderedDict({
          'a.weight': floats(weights(512)),
          'b.weight': floats(weights(512).toReversed()),
        }),
      ),
      built('zeros', () => dict({ a: floats(new Array(512).fill(0)), b: floats(new Array(512).fill(0)) })),
      built('a few bytes', () => dict({ a: floats(weights(9)), b: floats(weights(9)) })),
      file('clean/tied_weights.pth'),
    ],
  },
  'dtype/fp32-could-be-half': {
    values: true,
    triggers: [
      built('bfloat16', () =>
        orderedDict({ 'fc.weight': floats(asBfloat(weights(64)), [8, 8]), 'fc.bias': floats([0, 0]) }),
      ),
      built('float16', () =>
        orderedDict({ 'fc.weight': floats([1.0009765625, -2, 65504, 2 ** -24], [2, 2]) }),
      ),
    ],
    quiet: [
      ...quiet,
      built('one number of float32', () =>
        orderedDict({ 'fc.weight': floats(asBfloat(weights(64)), [8, 8]), 'fc.bias': floats([0.1, 0]) }),
      ),
      built('nothing but zeros', () => orderedDict({ 'fc.weight': floats([0, 0, 0, 0], [2, 2]) })),
      built('too large for float16, too fine for bfloat16', () =>
        orderedDict({ 'fc.weight': floats([1.0009765625, -2, 65536, 0], [2, 2]) }),
      ),
    ],
  },
};
