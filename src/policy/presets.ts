import type { Config, PresetName } from './config.ts';

/** Policies to begin with. A configuration names them in `extends`; what it says itself comes on top. */
export const PRESETS: Readonly<Record<PresetName, Config>> = {
  /** Every rule as it is: what does not load fails. */
  recommended: { failOn: 'error' },

  /** Every warning fails too. */
  strict: { failOn: 'warning' },

  /** For machines without a GPU that call `torch.load(path)` and `load_state_dict`, and nothing else. */
  'cpu-serving': {
    failOn: 'error',
    rules: {
      'device/cuda-tag': 'error',
      'device/index-out-of-range': 'error',
      'keys/module-prefix': 'error',
      'keys/compile-prefix': 'error',
      'keys/fsdp-prefix': 'error',
      'layout/non-string-keys': 'error',
      'layout/non-tensor-value': 'error',
      'dtype/mixed-float': 'error',
      'dtype/half-weights': 'warning',
    },
  },

  /** For files that others download: the weights and nothing else, on the CPU, under the names of the bare model. */
  release: {
    failOn: 'warning',
    rules: {
      'content/training-state': 'warning',
      'layout/lightning': 'warning',
      'keys/common-prefix': 'warning',
      'legacy/format': 'warning',
      'zip/crc-absent': 'warning',
      'dtype/double': 'warning',
    },
    budgets: { wastedBytes: 1_000_000 },
  },
};
