import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAST_TARGETS, castOf } from '../../src/numeric/casts.ts';
import { type Dtype, dtypeByName } from '../../src/torch/dtypes.ts';
import { pythonWithTorch, Torch } from './torch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-casts-'));
let torch: Torch;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
});

afterAll(() => {
  torch?.stop();
  rmSync(folder, { recursive: true });
});

/** All patterns of a small float; of a wide one a million at random, and those around which rounding changes. */
function patterns({ name, itemSize }: Dtype): Buffer {
  if (itemSize === 1) return Buffer.from(Uint8Array.from({ length: 256 }, (_, bits) => bits).buffer);
  if (itemSize === 2) return Buffer.from(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);
  const random = randomBytes(itemSize * 1_000_000);
  if (name !== 'float32') return Buffer.concat([edges64(), random]);
  return Buffer.concat([edges32(), random, Buffer.from(weights().buffer)]);
}

/** Numbers of the size that weights have: vector code takes another way where all of a few neighbours are such. */
function weights(): Float32Array {
  return Float32Array.from({ length: 500_000 }, () => (Math.random() - 0.5) * 2 ** (Math.random() * 42 - 26));
}

function edges32(): Buffer {
  const words: number[] = [];
  const near = [
    0, 0x33000000, 0x38800000, 0x477fe000, 0x477ff000, 0x7f7f8000, 0x7f7fffff, 0x7f800000, 0x7fc00000,
    0x00800000,
  ];
  for (const bits of near)
    for (let step = -8; step < 8; step++)
      for (const sign of [0, 0x80000000]) words.push((bits + step + sign) >>> 0);
  // every exponent, with the mantissas that are ties of both targets and their neighbours
  for (let exponent = 0; exponent < 512; exponent++)
    for (const mantissa of [
      0, 1, 0xfff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001, 0x17fff, 0x18000, 0x18001,
      0x7fffff,
    ])
      words.push(((exponent << 23) | mantissa) >>> 0);
  return Buffer.from(Uint32Array.from(words).buffer);
}

function edges64(): Buffer {
  const floats = new Float32Array(edges32().buffer as ArrayBuffer, 0);
  const values: number[] = [];
  for (const float of floats) values.push(float, float * (1 + 2 ** -30), float * (1 - 2 ** -30));
  values.push(
    65519.99999999,
    65520,
    3.4028235677973366e38,
    3.4028235677973362e38,
    1e300,
    5e-324,
    2 ** -150,
    2 ** -149,
  );
  const nans = Float64Array.of(...values);
  const words = new BigUint64Array(nans.buffer);
  const extra = [0x7ff0000000000001n, 0xfff8000000001234n, 0x7fffffffffffffffn, 0x7ff4000000000000n];
  return Buffer.concat([Buffer.from(words.buffer), Buffer.from(BigUint64Array.from(extra).buffer)]);
}

const SOURCES = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'float8_e4m3fn',
  'float8_e5m2',
  'float8_e4m3fnuz',
  'float8_e5m2fnuz',
  'float8_e8m0fnu',
];

describe.each(SOURCES)('%s', (name) => {
  it.each(CAST_TARGETS.filter((to) => to !== name))('to %s, bit for bit as torch', async (to) => {
    const from = dtypeByName(name) as Dtype;
    const before = patterns(from);
    const after = Buffer.alloc((before.length / from.itemSize) * (dtypeByName(to) as Dtype).itemSize);
    const overflow = castOf(from, to)?.(before, after);
    const [input, output] = [path.join(folder, `${name}-${to}.in`), path.join(folder, `${name}-${to}.out`)];
    writeFileSync(input, before);
    writeFileSync(output, after);
    const verdict = await torch.ask({
      do: 'cast',
      file: input,
      after: output,
      source: name,
      target: to,
      overflow,
    });
    expect(verdict).not.toHaveProperty('faults');
  });
});
