import { Option } from 'commander';

/** What computes: our own kernels, or TensorFlow.js. */
export type Backend = 'builtin' | 'tfjs';

/** `--backend`, as every command has it that computes with numbers. */
export function backendOption(description = ''): Option {
  const text = `what computes${description}: tfjs is TensorFlow.js, where you have installed it`;
  return new Option('--backend <backend>', text).choices(['builtin', 'tfjs'] satisfies Backend[]);
}
