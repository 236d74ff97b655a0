import type { Config, PresetName } from './config.ts';

/** Policies to begin with. A configuration names them in `extends`; what it says itself comes on top. */
export const PRESETS: Readonly<Record<PresetName, Config>> = {
  /** Every rule as it is: what does not load fails. */
  recommended: { failOn: 'error' },

  /** Every warning fails too. */
  strict: { failOn: 'warning' },

  /** For machines without a GPU that call `torch.load(path)` and nothing else. */
  'cpu-serving': {
    failOn: 'error',
    rules: {
      'device/cuda-tag': 'error',
      'keys/module-prefix': 'error',
      'dtype/mixed-float': 'error',
      'dtype/half-weights': 'warning',
    },
    allow: { locations: ['cpu'] },
  },

  /** For files that others download: small, on the CPU, and loaded by `weights_only=True` as it comes. */
  release: {
    failOn: 'warning',
    rules: { 'device/cuda-tag': 'error', 'keys/module-prefix': 'error', 'pickle/protocol': 'error' },
    budgets: { wastedBytes: 0 },
    allow: { locations: ['cpu'], globals: [] },
  },
};
