import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { reporters } from '../support/reporters.ts';

/** The tests that ask a real TensorFlow.js, which must be installed in the folder that CKPT_DOCTOR_TFJS names. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/tfjs/**/*.test.ts'],
    // a native library can't be loaded into several threads of a process
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: reporters(),
  },
});
