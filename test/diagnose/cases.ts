import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { listTensors } from '../../src/checkpoint/listing.ts';
import type { DiagnoseOptions } from '../../src/diagnose/engine.ts';
import { MemorySource, type SourceRange } from '../../src/io/byte-source.ts';
import type { OpName } from '../../src/pickle/opcodes.ts';
import { PyBytes, PyList, type Value } from '../../src/pickle/values.ts';
import { call, checkpointOf, dict, instance, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import type { Make } from '../support/hostile-tricks.ts';
import { ASKED_CASES } from './asked-cases.ts';
import { built, clean, file, network } from './case-builders.ts';
import { CONTAINER_CASES, largePickle } from './container-cases.ts';
import { GLOBAL_CASES } from './global-cases.ts';
import { KEY_CASES } from './key-cases.ts';
import { LAYOUT_CASES } from './layout-cases.ts';
import { MADE_CASES } from './made-cases.ts';
import { SAFETY_CASES } from './safety-cases.ts';
import { SHARDING_CASES } from './sharding-cases.ts';
import { VALUE_CASES } from './value-cases.ts';

/** A checkpoint, built here as values or as the bytes of a file, or standing in `fixtures/` as a real torch wrote it. */
export type Fixture =
  | {
      readonly name: string;
      readonly build: () => Checkpoint;
      /** The pickle that it is built from, where it is one. */
      readonly pickle?: Buffer;
    }
  | {
      readonly name: string;
      readonly bytes: Uint8Array;
      /** Makes the bytes, or the same file in another way. */
      readonly make?: Make;
    }
  | { readonly file: string };

/** What makes a rule speak, and what looks like it but must leave it silent. */
export interface RuleCases {
  /** What the user asks of the checkpoints, for the rules that are silent otherwise. */
  readonly ask?: DiagnoseOptions;
  /** The rule needs the checksums of all bytes. */
  readonly crc?: boolean;
  /** The rule needs to see every number. */
  readonly values?: boolean;
  readonly triggers: readonly Fixture[];
  readonly quiet: readonly Fixture[];
}

export function payload(bytes: number, opcode: string, protocol: number): Checkpoint {
  const range: SourceRange = { source: new MemorySource(new Uint8Array()), offset: 90, length: bytes };
  return checkpointOf(dict({ index: dict({ vectors: new PyBytes('bytes', range) }) }), {
    protocol,
    longPayloads: [{ offset: 90, length: bytes, opcode }],
  });
}

const tagged = (...tags: string[]) =>
  built(`tags ${tags.map((tag) => JSON.stringify(tag)).join(' ')}`, () =>
    orderedDict(Object.fromEntries(tags.map((location, index) => [`${index}.weight`, tensor({ location })]))),
  );
/** As many places as two to the power of `levels`. */
function tangle(levels: number): Value {
  let value: Value = new PyList([tensor()]);
  for (let level = 0; level < levels; level++) value = new PyList([value, value]);
  return value;
}
const protocolOf = (protocol: number, ...opcodes: OpName[]) =>
  built(`protocol ${protocol} with ${opcodes.join(' ')}`, () => dict({}), { protocol, opcodes });

export const CASES: Readonly<Record<string, RuleCases>> = {
  'device/cuda-tag': {
    triggers: [
      tagged('cuda:0'),
      tagged('cuda'),
      tagged('cpu', 'cuda:1', 'cuda:0'),
      file('broken/ddp_cuda.pth'),
      file('broken/cuda_without_index.pth'),
      file('broken/two_gpus.pth'),
      file('broken/cuda_and_cpu.pth'),
      file('torch-1.13/ddp_cuda.pth'),
    ],
    quiet: [
      clean,
      tagged('cuda0'),
      tagged('mps', 'xpu:0', 'meta'),
      file('clean/state_dict.pth'),
      file('broken/ddp_cpu.pth'),
    ],
  },
  'device/exotic-tag': {
    triggers: [
      ...[
        'mps',
        'mps:0',
        'xla:0',
        'npu:0',
        'hpu',
        'xpu:0',
        'mtia:0',
        'privateuseone:0',
        'dml',
        'meta:0',
        'cuda0',
        'cuda:01',
      ].map((tag) => tagged(tag)),
      built('a tensor of torch_xla', () =>
        dict({
          w: call('torch._utils._rebuild_device_tensor_from_cpu_tensor', tensor(), null, 'xla:0', false),
        }),
      ),
      file('broken/tag_mps.pth'),
      file('broken/tag_xla_0.pth'),
      file('broken/tag_npu_0.pth'),
      file('broken/tag_hpu.pth'),
      file('broken/tag_xpu_0.pth'),
      file('broken/tag_privateuseone_0.pth'),
      file('broken/xla_tensors.pth'),
      file('broken/xla_arrays.pth'),
    ],
    quiet: [
      clean,
      tagged('cuda:0', 'cpu:0', 'meta'),
      built('a tensor of torch_xla that was moved to the CPU', () =>
        dict({
          w: call('torch._utils._rebuild_device_tensor_from_cpu_tensor', tensor(), null, 'cpu', false),
        }),
      ),
      file('broken/tag_meta.pth'),
      file('broken/cuda_state_dict.pth'),
    ],
  },
  'device/nonstandard-cpu-tag': {
    triggers: [
      ...['cpu:0', 'CPU', '', ' cpu', 'Cpu:1'].map((tag) => tagged(tag)),
      file('broken/tag_cpu_0.pth'),
      file('broken/tag_cpu_upper_case.pth'),
    ],
    quiet: [
      clean,
      tagged('cuda:0', 'xpu:0', 'cpux'),
      file('clean/state_dict.pth'),
      file('broken/tag_xpu_0.pth'),
    ],
  },
  'keys/module-prefix': {
    triggers: [
      built('DataParallel at the root', () => orderedDict(network({}, 'module.'))),
      built('DataParallel under two keys', () =>
        dict({
          model: orderedDict(network({}, 'module.')),
          ema: orderedDict(network({}, 'module.')),
          epoch: 3,
        }),
      ),
      built('AveragedModel', () =>
        orderedDict({ n_averaged: tensor({ shape: [], dtype: 'int64' }), ...network({}, 'module.') }),
      ),
      built('a child called module', () =>
        orderedDict({ ...network({}, 'module.'), ...network({}, 'head.') }),
      ),
      file('broken/ddp_cpu.pth'),
      file('broken/prefix_partial.pth'),
      file('broken/prefix_nested.pth'),
      file('broken/prefix_collision.pth'),
      file('broken/prefix_in_list.pth'),
      file('broken/prefix_ddp_metadata.pth'),
      file('broken/averaged_model.pth'),
    ],
    quiet: [
      clean,
      built('.module. inside a name', () => orderedDict(network({}, 'encoder.module.'))),
      built('names that only look like it', () => orderedDict(network({}, 'module_list.0.'))),
      built('a dict of strings', () => dict({ names: dict({ 'module.weight': 'the encoder' }) })),
      built('a key that is nothing but the prefix', () => dict({ 'module.': tensor() })),
      file('clean/inner_module_names.pth'),
      file('clean/state_dict.pth'),
    ],
  },
  'pickle/shared-containers': {
    triggers: [
      {
        name: 'lists that hold the one before them twice',
        build() {
          const root = tangle(40);
          return { ...checkpointOf(root), ...listTensors(root, new Map()) };
        },
      },
    ],
    quiet: [
      clean,
      {
        name: 'a few of them',
        build() {
          const root = tangle(10);
          return { ...checkpointOf(root), omissions: listTensors(root, new Map()).omissions };
        },
      },
      file('clean/shared_objects.pt'),
      file('clean/recursive.pt'),
    ],
  },
  'dtype/integer-buffer-as-float': {
    triggers: [
      built('position_ids of a merge', () =>
        orderedDict({ ...network(), 'text_model.embeddings.position_ids': tensor({ shape: [1, 77] }) }),
      ),
      built('relative_position_index of a halved Swin', () =>
        dict({
          model: orderedDict({
            ...network({ dtype: 'float16' }),
            'attn.relative_position_index': tensor({ shape: [49, 49], dtype: 'float16' }),
          }),
        }),
      ),
    ],
    quiet: [
      clean,
      built('integers', () =>
        orderedDict({ ...network(), 'embeddings.position_ids': tensor({ shape: [1, 77], dtype: 'int64' }) }),
      ),
      built('a table of positions', () =>
        orderedDict({ ...network(), 'attn.relative_position_bias_table': tensor({ shape: [169, 4] }) }),
      ),
      built('a batch, and no model', () => dict({ position_ids: tensor({ shape: [1, 77] }) })),
    ],
  },
  'dtype/mixed-float': {
    triggers: [
      built('a float16 head', () =>
        orderedDict({ ...network(), 'fc.weight': tensor({ shape: [10, 8], dtype: 'float16' }) }),
      ),
      built('float16 beside bfloat16', () =>
        orderedDict({ ...network({ dtype: 'float16' }, 'a.'), ...network({ dtype: 'bfloat16' }, 'b.') }),
      ),
      built('float64 leftovers', () =>
        orderedDict({ ...network(), ...network({ dtype: 'float64' }, 'head.') }),
      ),
      built('float16 normalisation in a float32 model', () =>
        orderedDict({ ...network(), 'bn.weight': tensor({ shape: [8], dtype: 'float16' }) }),
      ),
      built('normalisation kept in float32', () =>
        orderedDict({ ...network({ dtype: 'float16' }), 'bn.weight': tensor({ shape: [8] }) }),
      ),
      built('a pickled module with a float16 child', () =>
        instance('models.Net', {
          _parameters: dict({}),
          _modules: dict({
            a: instance('torch.nn.Linear', { _parameters: dict({ weight: tensor({ kind: 'parameter' }) }) }),
            b: instance('torch.nn.Linear', {
              _parameters: dict({ weight: tensor({ kind: 'parameter', dtype: 'float16' }) }),
            }),
          }),
        }),
      ),
      file('broken/mixed_float.pth'),
      file('broken/mixed_in_one_module.pth'),
      file('broken/half_and_bfloat16.pth'),
    ],
    quiet: [
      clean,
      built('float16 with integer buffers', () => orderedDict(network({ dtype: 'float16' }))),
      built('float16 with a float64 scalar', () =>
        orderedDict({
          ...network({ dtype: 'float16' }),
          logit_scale: tensor({ shape: [], dtype: 'float64' }),
        }),
      ),
      built('float16 weights beside an optimizer in float32', () =>
        dict({
          model: orderedDict(network({ dtype: 'float16' })),
          optimizer: dict({
            state: dict({
              0: dict({
                step: tensor({ shape: [1] }),
                exp_avg: tensor({ dtype: 'float16' }),
                weight: tensor(),
              }),
            }),
            param_groups: dict({}),
          }),
        }),
      ),
      built('a float16 model beside its float32 EMA copy', () =>
        dict({ model: orderedDict(network({ dtype: 'float16' })), ema: orderedDict(network()) }),
      ),
      built('8-bit floats with their scales', () =>
        orderedDict({
          'fc.weight': tensor({ dtype: 'float8_e4m3fn' }),
          'fc.weight_scale_inv': tensor(),
          'norm.weight': tensor({ shape: [8], dtype: 'bfloat16' }),
          'head.weight': tensor({ dtype: 'bfloat16' }),
        }),
      ),
      built('a dict of features', () => dict({ x: tensor(), y: tensor({ dtype: 'float64' }) })),
      file('clean/state_dict.pth'),
      file('clean/adam_and_scheduler.pth'),
      file('broken/half_weights.pth'),
    ],
  },
  'dtype/half-weights': {
    triggers: [
      built('float16', () => orderedDict(network({ dtype: 'float16' }))),
      file('broken/half_weights.pth'),
    ],
    quiet: [
      clean,
      built('bfloat16', () => orderedDict(network({ dtype: 'bfloat16' }))),
      built('a float16 head', () =>
        orderedDict({ ...network(), 'fc.weight': tensor({ shape: [10, 8], dtype: 'float16' }) }),
      ),
      built('float16 features', () => dict({ features: tensor({ dtype: 'float16' }) })),
      file('clean/state_dict.pth'),
    ],
  },
  'dtype/bfloat16': {
    triggers: [
      built('bfloat16', () => orderedDict(network({ dtype: 'bfloat16' }))),
      file('broken/bfloat16.pth'),
    ],
    quiet: [
      clean,
      built('a bfloat16 head', () =>
        orderedDict({ ...network(), 'fc.weight': tensor({ shape: [10, 8], dtype: 'bfloat16' }) }),
      ),
      file('broken/half_weights.pth'),
    ],
  },
  'dtype/double': {
    triggers: [
      built('a float64 model', () => orderedDict(network({ dtype: 'float64' }))),
      built('a float64 table', () =>
        orderedDict({ ...network(), betas: tensor({ shape: [100], dtype: 'float64' }) }),
      ),
      file('broken/double.pth'),
    ],
    quiet: [
      clean,
      built('a float64 scalar', () =>
        orderedDict({ ...network(), scale: tensor({ shape: [], dtype: 'float64' }) }),
      ),
      built('float64 features', () => dict({ x: tensor({ dtype: 'float64' }) })),
      file('broken/half_weights.pth'),
    ],
  },
  'dtype/half-statistics': {
    triggers: [
      built('float16', () => orderedDict(network({ dtype: 'float16' }))),
      built('float16 statistics in a float32 model', () =>
        orderedDict({ ...network(), 'bn.running_mean': tensor({ shape: [8], dtype: 'float16' }) }),
      ),
      file('broken/half_weights.pth'),
    ],
    quiet: [
      clean,
      built('statistics kept in float32', () =>
        orderedDict({
          ...network({ dtype: 'float16' }),
          'bn.running_mean': tensor({ shape: [8] }),
        }),
      ),
      file('broken/bfloat16.pth'),
    ],
  },
  'dtype/float32-copy': {
    triggers: [
      built('a float16 model and its EMA copy, one of them wrapped', () =>
        dict({ model: orderedDict(network({ dtype: 'float16' }, 'module.')), ema: orderedDict(network()) }),
      ),
      built('master weights of apex', () =>
        dict({
          model: orderedDict(network({ dtype: 'float16' })),
          optimizer: dict({ fp32_from_fp16_params: new PyList([new PyList([tensor()])]) }),
        }),
      ),
      file('broken/half_with_float_ema.pth'),
    ],
    quiet: [
      clean,
      built('two float32 models', () => dict({ model: orderedDict(network()), ema: orderedDict(network()) })),
      built('a float16 model beside another one', () =>
        dict({
          model: orderedDict(network({ dtype: 'float16' })),
          critic: orderedDict(network({}, 'critic.')),
        }),
      ),
      file('broken/half_weights.pth'),
      file('broken/cuda_and_cpu.pth'),
    ],
  },
  'pickle/protocol': {
    triggers: [
      protocolOf(0, 'MARK', 'DICT', 'PUT', 'UNICODE', 'SETITEM', 'STOP'),
      protocolOf(0, 'BINPUT', 'INT', 'STOP'),
      protocolOf(2, 'PROTO', 'BINSTRING', 'STOP'),
      protocolOf(3, 'PROTO', 'BINUNICODE', 'STOP'),
      protocolOf(3, 'PROTO', 'SHORT_BINBYTES', 'STOP'),
      protocolOf(4, 'PROTO', 'FRAME', 'MEMOIZE', 'STOP'),
      protocolOf(5, 'PROTO', 'FRAME', 'MEMOIZE', 'STOP'),
      protocolOf(9, 'PROTO', 'EMPTY_DICT', 'STOP'),
      ...[1, 3, 4, 5].map((protocol) => file(`broken/protocol_${protocol}.pth`)),
      file('broken/ddp_cuda_protocol_4.pth'),
    ],
    quiet: [
      clean,
      built('TorchScript, which Python does not unpickle', () => dict({}), {
        kind: 'torchscript',
        opcodes: ['PROTO', 'POP', 'STOP'],
      }),
      file('clean/protocol_2.pth'),
      file('clean/state_dict.pth'),
      file('torch-1.13/state_dict.pth'),
    ],
  },
  'pickle/inline-bytes-huge': {
    triggers: [
      { name: '5 GiB of bytes in protocol 4', build: () => payload(5 * 2 ** 30, 'BINBYTES8', 4) },
      { name: '1.5 GiB of bytes in protocol 3', build: () => payload(1.5 * 2 ** 30, 'BINBYTES', 3) },
      { name: '3 GiB of text in protocol 2', build: () => payload(3 * 2 ** 30, 'BINUNICODE', 2) },
      { name: 'a pickle of 5 GiB', build: () => largePickle(5 * 2 ** 30) },
    ],
    quiet: [
      clean,
      { name: '900 MiB of bytes', build: () => payload(900 * 2 ** 20, 'BINBYTES', 3) },
      file('clean/state_dict.pth'),
    ],
  },
  ...GLOBAL_CASES,
  ...KEY_CASES,
  ...LAYOUT_CASES,
  ...CONTAINER_CASES,
  ...ASKED_CASES,
  ...SAFETY_CASES,
  ...MADE_CASES,
  ...SHARDING_CASES,
  ...VALUE_CASES,
};
