import { dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import { built, clean, file, network } from './case-builders.ts';
import type { RuleCases } from './cases.ts';

const keys = (...names: string[]) =>
  built(`keys ${names.join(' ')}`, () =>
    orderedDict(Object.fromEntries(names.map((name) => [name, tensor()]))),
  );

export const KEY_CASES: Readonly<Record<string, RuleCases>> = {
  'keys/compile-prefix': {
    triggers: [
      built('a compiled model', () => orderedDict(network({}, '_orig_mod.'))),
      built('compiled inside DataParallel', () => orderedDict(network({}, 'module._orig_mod.'))),
      keys('_orig_mod.a.weight', 'b.weight'),
      keys('encoder._orig_mod.weight', 'head.weight'),
      file('broken/compiled.pth'),
      file('broken/compiled_outside_ddp.pth'),
      file('broken/compiled_inside_ddp.pth'),
      file('broken/compiled_layer.pth'),
      file('broken/compiled_beside_ddp.pth'),
    ],
    quiet: [
      clean,
      keys('my_orig_mod.weight', 'a_orig_mod.weight'),
      keys('_orig_mod.'),
      file('broken/ddp_cpu.pth'),
      file('clean/inner_module_names.pth'),
    ],
  },
  'keys/fsdp-prefix': {
    triggers: [
      keys('_fsdp_wrapped_module.a.weight', 'b.weight'),
      keys('layers.0._checkpoint_wrapped_module.weight', 'head.weight'),
      keys('_forward_module.a.weight', '_forward_module.b.weight'),
      file('broken/fsdp.pth'),
      file('broken/fsdp_layers.pth'),
      file('broken/fsdp_flat_param.pth'),
    ],
    quiet: [clean, keys('fsdp_wrapped_module.weight', 'a.weight'), file('broken/compiled.pth')],
  },
  'keys/common-prefix': {
    triggers: [
      built('a LightningModule', () => dict({ state_dict: orderedDict(network({}, 'model.')) })),
      keys('net.0.weight', 'net.0.bias'),
      file('broken/lightning.ckpt'),
    ],
    quiet: [
      clean,
      keys('model.layers.0.weight', 'lm_head.weight'),
      keys('bert.embeddings.weight', 'bert.pooler.weight'),
      keys('model.weight'),
      keys('module.model.weight', 'module.model.bias'),
      keys('models.0.weight', 'models.0.bias'),
      file('broken/ddp_cpu.pth'),
    ],
  },
  'keys/peft-prefix': {
    triggers: [
      built('a model of PEFT', () => orderedDict(network({}, 'base_model.model.'))),
      file('broken/peft_model.bin'),
    ],
    quiet: [clean, keys('base_model.weight', 'base_model.bias'), file('broken/lora.bin')],
  },
  'keys/legacy-names': {
    triggers: [
      keys('conv.weight_g', 'conv.weight_v', 'conv.bias'),
      keys('LayerNorm.gamma', 'LayerNorm.beta'),
      file('broken/weight_norm.pth'),
      file('broken/weight_norm_parametrized.pth'),
    ],
    quiet: [
      clean,
      keys('block.gamma', 'block.weight'),
      keys('grn.gamma', 'grn.beta'),
      keys('a.weight_g', 'b.weight_v'),
      file('clean/state_dict.pth'),
    ],
  },
};
