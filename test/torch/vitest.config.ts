import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { reporters } from '../support/reporters.ts';

/** The tests that ask a real torch. They build the program first, since they run it as a user does. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/torch/**/*.test.ts'],
    globalSetup: ['test/torch/build.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: reporters(),
  },
});
