import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { doScans, type ScanWork } from '../../src/numeric/scan-work.ts';
import { Summarizer } from '../../src/numeric/summarizer.ts';
import type { ScanThread } from '../../src/numeric/threads.ts';
import { builtBin } from '../support/built-bin.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-threads-'));
const file = path.join(folder, 'numbers');
const floats = Float32Array.from({ length: 300_000 }, (_, index) => Math.cos(index));
let thread: ScanThread;
let descriptor: number;

beforeAll(async () => {
  builtBin();
  writeFileSync(file, new Uint8Array(floats.buffer));
  descriptor = openSync(file, 'r');
  // a thread loads a file of the build
  const { ScanThread: Built } = await import(pathToFileURL(path.resolve('dist/numeric/threads.js')).href);
  thread = new Built();
  // a build may be due first
}, 300_000);

afterAll(async () => {
  await thread?.stop();
  closeSync(descriptor);
  rmSync(folder, { recursive: true });
});

function work(start: number, count: number): ScanWork {
  const layout = { start: 0, run: 4 * count, dims: [], count };
  return {
    descriptor,
    start,
    scans: [{ layout, format: { name: 'float32', bytes: 4 }, byteOrder: 'little' }],
  };
}

it('a thread finds what is found without one, in the order in which it was asked', async () => {
  const asked = [work(0, 300_000), work(400, 1000), work(8, 3)];
  const answers = await Promise.all(asked.map((each) => thread.run(each)));
  expect(answers).toEqual(asked.map((each) => doScans(each, new Summarizer())));
});

it('a thread tells of a file that ends too early, and goes on', async () => {
  await expect(thread.run(work(0, 300_001))).rejects.toMatchObject({
    code: 'changed',
    message: expect.stringContaining('now ends at or before 1200000'),
  });
  expect(await thread.run(work(8, 3))).toHaveLength(1);
});

it('the thread of the bundled program runs no command line', () => {
  const bundled = JSON.stringify(path.resolve('dist/bin/scan-thread.js'));
  const code = `const { Worker } = require('node:worker_threads');
    const worker = new Worker(${bundled});
    worker.on('message', ({ results }) => { console.log(results.length); worker.terminate(); });
    worker.postMessage({ descriptor: 0, start: 0, scans: [] });`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: '0\n', stderr: '' });
});
