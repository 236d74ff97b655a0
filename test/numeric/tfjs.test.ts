import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Summarizer } from '../../src/numeric/summarizer.ts';
import type { Summary } from '../../src/numeric/summary.ts';
import { plainKernels } from '../../src/numeric/summary-kernels.ts';
import { openTfjs } from '../../src/numeric/tfjs.ts';
import { tfjsKernels } from '../../src/numeric/tfjs-kernels.ts';
import { FakeTensorFlow, installTfjs, workingTfjs } from '../support/fake-tensorflow.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-tfjs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const WITHOUT_BINDING = `throw new Error("The Node.js native addon module (tfjs_binding.node) can not be found at path: /x/tfjs_binding.node. \\nPlease run command 'npm rebuild'.");`;
const WITHOUT_LIBRARY = `throw Object.assign(new Error('libtensorflow.so.2: cannot open shared object file: No such file or directory'), { code: 'ERR_DLOPEN_FAILED' });`;
const CUT_SHORT = `process.kill(process.pid, 'SIGBUS'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);`;

describe('openTfjs', () => {
  it('says in one line what to install where there is nothing', async () => {
    await expect(openTfjs(folder)).rejects.toThrow(
      /^--backend tfjs: none of @tensorflow\/tfjs-node-gpu, .* is installed; npm install @tensorflow\/tfjs-node-gpu@4\.22\.0 .*CUDA 11\.2 and cuDNN 8\.1.*$/,
    );
  });

  it.each([
    ['no binding', WITHOUT_BINDING, /tfjs_binding\.node\) can not be found/],
    ['no library', WITHOUT_LIBRARY, /libtensorflow\.so\.2: cannot open shared object file/],
    ['a library that is cut short', CUT_SHORT, /ended the process with SIGBUS/],
    ['a package that says nothing', 'process.exit(3)', /ended without a word/],
  ])('survives %s, and says so', async (_, code, reason) => {
    installTfjs(folder, 'tfjs-node-gpu', code);
    const failure = (await openTfjs(folder).catch((error: Error) => error)) as Error;
    expect(failure.message).toMatch(reason);
    // of an error that is thrown on loading node prints the line of code first, which may be all of a bundle
    expect(failure.message).not.toMatch(/throw |process\./);
    expect(failure.message).toContain('npm install');
    expect(failure.message).not.toContain('\n');
  });

  it('takes the next package where one is broken, and tells of both', async () => {
    installTfjs(folder, 'tfjs-node-gpu', WITHOUT_BINDING);
    installTfjs(folder, 'tfjs-node', workingTfjs(false));
    const { name, version, gpu, broken } = await openTfjs(folder);
    expect({ name, version, gpu }).toEqual({ name: '@tensorflow/tfjs-node', version: '4.22.0', gpu: false });
    expect(broken).toHaveLength(1);
    expect(broken[0]).toContain('@tensorflow/tfjs-node-gpu does not work');
  });

  it('says whether a GPU is in use', async () => {
    installTfjs(folder, 'tfjs-node-gpu', workingTfjs(true));
    expect(await openTfjs(folder)).toMatchObject({
      name: '@tensorflow/tfjs-node-gpu',
      gpu: true,
      broken: [],
    });
  });
});

describe('the kernels of TensorFlow.js', () => {
  const LENGTH = 2 ** 20 + 8;
  const waves = () => Float32Array.from({ length: LENGTH }, (_, index) => Math.sin(index) + 0.5);

  function both(floats: Float32Array) {
    const tf = new FakeTensorFlow();
    const summarize = (summarizer: Summarizer): Summary => {
      const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
      summarizer.begin({ format: { name: 'float32', bytes: 4 }, count: floats.length });
      for (let at = 0; at < bytes.length; at += summarizer.window.length) {
        const part = bytes.subarray(at, at + summarizer.window.length);
        summarizer.window.set(part);
        summarizer.take(part.length);
      }
      return summarizer.finish() as Summary;
    };
    return {
      tf,
      theirs: summarize(new Summarizer(tfjsKernels(tf))),
      ours: summarize(new Summarizer(plainKernels())),
    };
  }

  it('agree with the built-in ones to what float32 sums hold, and leave nothing behind', () => {
    const { tf, theirs, ours } = both(waves());
    expect(tf.sent).toBe(LENGTH);
    expect(tf.live).toBe(0);
    expect(theirs.mean).toBeCloseTo(ours.mean, 3);
    expect(theirs.deviation).toBeCloseTo(ours.deviation, 3);
    expect(theirs).toMatchObject({ count: LENGTH, min: ours.min, max: ours.max, float16: ours.float16 });
  });

  it('count subnormals, which TensorFlow takes for zeros', () => {
    const floats = waves();
    floats.fill(1e-40, 0, 100);
    floats.fill(0, 100, 107);
    expect(both(floats).theirs).toMatchObject({ zeros: 7, subnormals: 100 });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('fall back where a chunk holds %s', (spoil) => {
    const floats = waves();
    floats[12345] = spoil;
    const { theirs, ours } = both(floats);
    expect(theirs.mean).toBeCloseTo(ours.mean, 12);
    expect(theirs.nan + theirs.positiveInfinity).toBe(1);
  });

  it('fall back where a float32 sum overflows', () => {
    const { theirs, ours } = both(
      new Float32Array(LENGTH).fill(3e38).map((value, index) => (index % 2 ? value : -value)),
    );
    expect(Number.isFinite(theirs.deviation)).toBe(true);
    expect(theirs.deviation / ours.deviation).toBeCloseTo(1, 12);
  });

  it('leave small tensors to the built-in ones', () => {
    const { tf, theirs, ours } = both(waves().subarray(0, 1000));
    expect(tf.sent).toBe(0);
    expect(theirs.mean).toBeCloseTo(ours.mean, 14);
  });
});
