import { entriesOf, lookup } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import { listed, printable } from '../../wording.ts';

const VERSION = 'pytorch-lightning_version';
/** What Lightning keeps beside the state_dict, from its first releases on. */
const BAGGAGE = [
  ...[
    'callbacks',
    'loops',
    'optimizer_states',
    'lr_schedulers',
    'hyper_parameters',
    'hparams_name',
    'hparams_type',
  ],
  ...[
    'checkpoint_callback_best',
    'checkpoint_callback_best_model_path',
    'native_amp_scaling_state',
    'hparams',
  ],
];

export default defineRule({
  id: 'layout/lightning',
  severity: 'info',
  needs: 'pickle',
  title: 'The file is a checkpoint of PyTorch Lightning',
  check({ root }) {
    const keys = entriesOf(root)?.keys;
    if (!keys?.includes('state_dict')) return undefined;
    const baggage = keys.filter((key) => typeof key === 'string').filter((key) => BAGGAGE.includes(key));
    const isLightning =
      keys.includes(VERSION) ||
      (keys.includes('global_step') && keys.includes('epoch') && baggage.length > 0);
    if (!isLightning) return undefined;
    const version = lookup(root, VERSION);
    const which = typeof version === 'string' ? ` ${printable(version)}` : '';
    return {
      message: `PyTorch Lightning${which} saved this file: the model is in "state_dict", under the name that the LightningModule gave it ("model.", "net."), beside ${baggage.length ? listed(baggage) : 'nothing else'}. Objects among these need Lightning itself ("No module named 'pytorch_lightning'"). fix --weights writes the weights alone.`,
      subjects: ['state_dict', ...baggage],
    };
  },
});
