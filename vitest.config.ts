import { configDefaults, defineConfig } from 'vitest/config';
import { reporters } from './test/support/reporters.ts';

/**
 * `npm test`: all that needs Node alone. The tests under test/torch ask a real torch, those under test/browser a Chromium, those under
 * test/tfjs TensorFlow.js; each has a config of its own.
 */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/torch/**', 'test/browser/**', 'test/tfjs/**'],
    // a test ends when it is done, on a slow machine too; this only ends one that hangs
    testTimeout: 60_000,
    reporters: reporters(),
  },
});
