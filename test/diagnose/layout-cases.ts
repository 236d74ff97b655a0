import { PyDict, PyFloat, PyList } from '../../src/pickle/values.ts';
import { call, dict, instance, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import { built, clean, file, network } from './case-builders.ts';
import type { RuleCases } from './cases.ts';

const sgd = () =>
  dict({
    state: dict({ 0: dict({ momentum_buffer: tensor() }) }),
    param_groups: new PyList([dict({ lr: new PyFloat(0.1) })]),
  });
const linear = () =>
  instance('torch.nn.modules.linear.Linear', {
    training: true,
    _parameters: dict({ weight: tensor({ kind: 'parameter' }) }),
    _buffers: dict({}),
    _modules: dict({}),
  });
const shaped = (shape: number[], count: number, rest: Record<string, ReturnType<typeof tensor>> = {}) =>
  orderedDict({
    ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.weight`, tensor({ shape })])),
    ...rest,
  });

export const LAYOUT_CASES: Readonly<Record<string, RuleCases>> = {
  'layout/nested-state-dict': {
    triggers: [
      built('a training checkpoint', () => dict({ epoch: 3, state_dict: orderedDict(network()) })),
      built('two levels down', () => dict({ nets: dict({ g: orderedDict(network()) }) })),
      built('in a list', () => new PyList([orderedDict(network())])),
      file('broken/ddp_cpu.pth'),
      file('clean/adam_and_scheduler.pth'),
    ],
    quiet: [
      clean,
      built('weights at the root beside nested ones', () =>
        dict({ ...network(), extra: orderedDict(network()) }),
      ),
      built('a dict of features', () => dict({ batch: dict({ x: tensor(), y: tensor() }) })),
      built('the state of an optimizer', () => sgd()),
      built('a whole module', () => dict({ model: linear() })),
    ],
  },
  'layout/lightning': {
    triggers: [
      built('Lightning 2', () =>
        dict({ 'pytorch-lightning_version': '2.6.6', state_dict: orderedDict(network()) }),
      ),
      built('an early Lightning', () =>
        dict({ epoch: 1, global_step: 9, checkpoint_callback_best: 1, state_dict: orderedDict(network()) }),
      ),
      file('broken/lightning.ckpt'),
    ],
    quiet: [
      clean,
      built('a script of its own', () =>
        dict({ epoch: 1, global_step: 9, state_dict: orderedDict(network()) }),
      ),
      file('broken/ddp_cpu.pth'),
    ],
  },
  'layout/torchscript': {
    triggers: [
      built('TorchScript', () => instance('__torch__.Net', {}), { kind: 'torchscript' }),
      file('foreign/torchscript.pth'),
    ],
    quiet: [clean, file('broken/model_scripted.pt')],
  },
  'layout/not-torchscript': {
    triggers: [
      ...['model_scripted.pt', 'out/traced.pt', 'net.jit.pth', 'mobile.ptl', 'a/torchscript-v2.pt'].map(
        (path) => built(path, () => orderedDict(network()), { path }),
      ),
      file('broken/model_scripted.pt'),
    ],
    quiet: [
      clean,
      ...['traced/model.pth', 'prescript.pt', 'javascript.pt', 'jitter.pth'].map((path) =>
        built(path, () => orderedDict(network()), { path }),
      ),
      built('what keeps its promise', () => dict({}), { kind: 'torchscript', path: 'traced.pt' }),
      file('foreign/torchscript.pth'),
    ],
  },
  'layout/adapter-only': {
    triggers: [
      built('kohya', () =>
        dict({ 'lora_unet_mid.lora_down.weight': tensor(), 'lora_unet_mid.alpha': tensor() }),
      ),
      file('broken/lora.bin'),
    ],
    quiet: [
      clean,
      built('a model with adapters', () =>
        orderedDict({ ...network(), 'fc.lora_A.weight': tensor(), 'fc.lora_B.weight': tensor() }),
      ),
      built('a model called flora', () => orderedDict(network({}, 'flora.'))),
      file('broken/peft_model.bin'),
    ],
  },
  'layout/non-string-keys': {
    triggers: [
      built('a number', () => new PyDict(['fc.weight', 0], [tensor(), tensor()])),
      file('broken/non_string_keys.pth'),
    ],
    quiet: [
      clean,
      built('the state of an optimizer', () => dict({ model: orderedDict(network()), optimizer: sgd() })),
      built('a cache', () => new PyDict([1, 2, 'x'], [tensor(), tensor(), tensor()])),
      file('clean/keys_of_all_kinds.pt'),
    ],
  },
  'layout/non-tensor-value': {
    triggers: [
      built('a float as a weight', () => orderedDict({ ...network(), 'head.bias': new PyFloat(0) })),
      built('a counter', () => orderedDict({ ...network(), steps: 3 })),
      file('broken/non_tensor_values.pth'),
      file('broken/prefix_partial.pth'),
    ],
    quiet: [
      clean,
      built('extra state', () => orderedDict({ ...network(), 'fc._extra_state': dict({ v: 1 }) })),
      built('a training checkpoint', () =>
        dict({ epoch: 3, weight: tensor(), model: orderedDict(network()) }),
      ),
      file('clean/quantized_linear.pth'),
    ],
  },
  'content/training-state': {
    triggers: [
      built('an optimizer', () => dict({ model: orderedDict(network()), optimizer: sgd() })),
      built('an EMA copy', () => dict({ model: orderedDict(network()), model_ema: orderedDict(network()) })),
      built('a scheduler', () =>
        dict({ net: orderedDict(network()), lr_scheduler: dict({ last_epoch: 3 }) }),
      ),
      file('broken/ddp_cpu.pth'),
      file('clean/adam_and_scheduler.pth'),
    ],
    quiet: [
      clean,
      built('an optimizer alone', () => sgd()),
      built('the EMA copy alone', () => dict({ ema: orderedDict(network()) })),
      built('two models', () => dict({ generator: orderedDict(network()), critic: orderedDict(network()) })),
      built('a model that is called an optimizer', () => dict({ optimizer: orderedDict(network()) })),
    ],
  },
  'content/whole-module': {
    triggers: [
      built('a layer', () => linear()),
      built('a model in a dict', () => dict({ model: linear(), epoch: 3 })),
      file('broken/whole_module.pth'),
      file('broken/main_module.pth'),
    ],
    quiet: [
      clean,
      built('a config object', () => instance('models.Config', { _parameters: 3 })),
      built('a program', () => linear(), { kind: 'torchscript' }),
      built('a call', () => dict({ when: call('datetime.datetime', 1) })),
      file('broken/namespace.pth'),
    ],
  },
  'sharding/flat-param': {
    triggers: [
      built('_flat_param', () => orderedDict({ _flat_param: tensor(), 'layers.0._flat_param': tensor() })),
      built('flat_param_0', () => orderedDict({ flat_param_0: tensor() })),
      file('broken/fsdp_flat_param.pth'),
    ],
    quiet: [
      clean,
      built('flat_params', () => orderedDict({ 'a.flat_params': tensor() })),
      file('broken/fsdp.pth'),
    ],
  },
  'sharding/empty-placeholders': {
    triggers: [
      built('all of them', () => shaped([0], 4)),
      built('beside real ones', () => shaped([0], 4, { 'norm.weight': tensor(), 'norm.bias': tensor() })),
      built('one element each', () =>
        orderedDict(
          Object.fromEntries(
            [0, 1].flatMap((i) =>
              ['q', 'k', 'v', 'norm'].flatMap((name) => [
                [`${i}.${name}.weight`, tensor({ shape: [1] })],
                [`${i}.${name}.bias`, tensor({ shape: [1] })],
              ]),
            ),
          ),
        ),
      ),
      file('broken/zero3_placeholders.pth'),
    ],
    quiet: [
      clean,
      built('one empty weight', () => shaped([0], 1, { 'a.weight': tensor(), 'b.weight': tensor() })),
      built('a few of one element', () => shaped([1], 4)),
      built('a toy of one element each', () => shaped([1], 40)),
      built('empty matrices', () => shaped([0, 4], 4)),
      file('clean/strides.pth'),
    ],
  },
};
