import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { PyFloat, PyList, type Value } from '../../src/pickle/values.ts';
import {
  checkpointOf,
  dict,
  orderedDict,
  type TensorOptions,
  tensor,
} from '../support/checkpoint-builder.ts';

/** A training checkpoint of a small language model, as DistributedDataParallel leaves it on a GPU. */
export function trainingCheckpoint(layers = 12, width = 768): Checkpoint {
  const weights = transformer(layers, width);
  const named = (prefix: string, options: TensorOptions) =>
    Object.fromEntries(
      Object.entries(weights).map(([name, shape]) => [
        `${prefix}${name}`,
        tensor({ shape, location: 'cuda:0', ...options }),
      ]),
    );
  const slots = Object.values(weights).map((shape, index): [string, Value] => [
    String(index),
    dict({
      step: tensor({ shape: [], location: 'cuda:0' }),
      exp_avg: tensor({ shape, location: 'cuda:0' }),
      exp_avg_sq: tensor({ shape, location: 'cuda:0' }),
    }),
  ]);
  const checkpoint = checkpointOf(
    dict({
      state_dict: orderedDict(named('module.', { dtype: 'bfloat16' })),
      ema: orderedDict(named('module.', {})),
      optimizer: dict({ state: dict(Object.fromEntries(slots)), param_groups: new PyList() }),
      epoch: 12,
      global_step: 48_000,
      best_loss: new PyFloat(2.8313),
      config: dict({ n_layer: layers, n_embd: width, tied: true, name: 'tiny-gpt' }),
    }),
    { path: 'runs/tiny-gpt/last.pth' },
  );
  return { ...checkpoint, fileSize: checkpoint.storages.reduce((sum, { bytes }) => sum + bytes, 180_000) };
}

function transformer(layers: number, width: number, words = 32_000): Record<string, number[]> {
  const shapes: Record<string, number[]> = {
    'tok_embeddings.weight': [words, width],
    'pos_embeddings.weight': [1024, width],
  };
  for (let layer = 0; layer < layers; layer++) {
    const at = `layers.${layer}.`;
    Object.assign(shapes, {
      [`${at}norm1.weight`]: [width],
      [`${at}attn.qkv.weight`]: [3 * width, width],
      [`${at}attn.qkv.bias`]: [3 * width],
      [`${at}attn.proj.weight`]: [width, width],
      [`${at}norm2.weight`]: [width],
      [`${at}mlp.up.weight`]: [4 * width, width],
      [`${at}mlp.down.weight`]: [width, 4 * width],
    });
  }
  shapes['norm.weight'] = [width];
  return shapes;
}

/** The weights of a small language model with numbers: as initialized, but for what went wrong in three of the layers. */
export function valuedCheckpoint(layers = 12, width = 64): Checkpoint {
  const random = bellNumbers();
  const entries = Object.entries(transformer(layers, width, 800)).map(([name, shape]): [string, Value] => {
    const count = shape.reduce((product, size) => product * size, 1);
    const depth = Number(/layers\.(\d+)/.exec(name)?.[1] ?? 0);
    const isNorm = name.includes('norm');
    const scale = isNorm ? 0.05 + depth / 80 : name.includes('proj') ? 0.004 * (1 + depth / 4) : 0.02;
    const values = Float32Array.from({ length: count }, () => (isNorm ? 1 : 0) + scale * random());
    if (name === 'layers.4.attn.qkv.weight') values.fill(Number.NaN, 100, 142);
    if (name === 'layers.7.mlp.down.weight') values[5] = Number.POSITIVE_INFINITY;
    if (name === 'layers.9.mlp.up.weight') values.fill(0);
    return [name, tensor({ shape, bytes: new Uint8Array(values.buffer) })];
  });
  return checkpointOf(orderedDict(Object.fromEntries(entries)), { path: 'runs/tiny-gpt/model.pth' });
}

/** Numbers of a normal distribution, always the same: a linear congruential generator, and the sum of twelve. */
function bellNumbers(): () => number {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return () => {
    let sum = -6;
    for (let times = 0; times < 12; times++) sum += next();
    return sum;
  };
}

/** Names that would draw, run or hide something where they are taken for more than text. */
export const HOSTILE = [
  '</script><script>window.hacked = 1</script>',
  '<img src=x onerror="window.hacked = 2">',
  `"quoted" 'and' \`ticked\` & &lt;`,
  'turned \u202egnp.exe\u202c around',
  '<!-- --> ]]> \u2028 \u0000 {{window.hacked = 3}}',
  '__proto__',
];

export function hostileCheckpoint(): Checkpoint {
  const tensors = Object.create(null) as Record<string, Value>;
  for (const name of HOSTILE)
    Object.defineProperty(tensors, name, {
      value: tensor({ location: name, bytes: new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer) }),
      enumerable: true,
    });
  return checkpointOf(dict({ state_dict: dict(tensors), [HOSTILE[0] as string]: HOSTILE[1] as string }), {
    path: `${HOSTILE[1]}.pth`,
  });
}

/** Bytes that are sound numbers in every format, and differ from tensor to tensor. */
function numbered(options: TensorOptions & { shape: number[] }, seed: number): Value {
  const count = options.shape.reduce((product, size) => product * size, 1);
  const bytes = new Uint8Array(count * (options.dtype === 'float16' ? 2 : 4));
  for (let at = 0; at < bytes.length; at++) bytes[at] = (Math.imul(at + seed, 2_654_435_761) >>> 24) & 0x3b;
  return tensor({ ...options, bytes });
}

/** Five thousand tensors, as a large model has them. */
export function largeCheckpoint(count = 5000): Checkpoint {
  const tensors = Object.fromEntries(
    Array.from({ length: count }, (_, index): [string, Value] => [
      `blocks.${Math.floor(index / 10)}.experts.${index % 10}.weight`,
      numbered({ shape: [16 + (index % 64), 32], dtype: index % 3 === 0 ? 'float16' : 'float32' }, index),
    ]),
  );
  return checkpointOf(dict(tensors), { path: 'large.pth' });
}
