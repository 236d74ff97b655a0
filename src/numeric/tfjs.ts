import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { RefusedError } from '../io/errors.ts';
import type { SummaryKernels } from './summary-kernels.ts';
import { type TensorFlow, tfjsKernels } from './tfjs-kernels.ts';
import { type PairKernel, tfjsPairKernel } from './tfjs-pair-sums.ts';

/** The fastest first. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node', '@tensorflow/tfjs'] as const;
/** To load libtensorflow takes half a second, from a cold disk some more. */
const PROBE_MS = 60_000;
const INSTALL =
  'npm install @tensorflow/tfjs-node-gpu@4.22.0 (for a GPU; its libtensorflow 2.9.1 needs CUDA 11.2 and cuDNN 8.1), or @tensorflow/tfjs-node@4.22.0 (without)';

/** What answered. */
export interface Tfjs {
  /** What it computes of one tensor, */
  readonly kernels: SummaryKernels;
  /** and of two. */
  readonly pairKernel: PairKernel;
  readonly name: string;
  readonly version: string;
  /** A GPU is in use. */
  readonly gpu: boolean;
  /** Packages that are installed and do not work, with the reasons. */
  readonly broken: readonly string[];
}

interface Probe {
  readonly version: string;
  readonly gpu: boolean;
}

/**
 * Node 23 took two functions away that the bindings call, TensorFlow talks on stderr, and a second package that is loaded after one
 * that failed warns of every kernel.
 */
const PREPARE = `const util = require('node:util');
util.isNullOrUndefined ??= (value) => value == null;
util.isArray ??= Array.isArray;
console.warn = () => {};`;

/** One real operation: a library that is cut short kills the process only when it is used. */
const PROBE = `${PREPARE}
const load = async () => {
  const tf = require(process.argv[1]);
  await tf.ready?.();
  return tf;
};
load().then((tf) => {
  const sum = tf.tidy(() => tf.tensor1d(new Float32Array([1, 2])).sum().dataSync()[0]);
  if (sum !== 3) throw new Error('1 + 2 came to ' + sum);
  const gpu = Boolean(tf.backend().isUsingGpuDevice);
  const version = String(tf.version?.tfjs ?? tf.version?.['tfjs-core'] ?? tf.version_core ?? '');
  process.stdout.write('\\n' + JSON.stringify({ version, gpu }) + '\\n', () => process.exit(0));
}).catch((error) => {
  process.stderr.write(String(error && error.message || error));
  process.exit(1);
});`;

const QUIET = { TF_CPP_MIN_LOG_LEVEL: '2', TF_ENABLE_ONEDNN_OPTS: '0' };

/**
 * Finds a package of TensorFlow.js beside the user's project or this program, tries it in a process of its own, since a broken one can take
 * the process with it, and loads it.
 *
 * @param folder Where the user's packages are looked for first.
 * @throws RefusedError that says what to install, where none is there or none works.
 */
export async function openTfjs(folder = process.cwd()): Promise<Tfjs> {
  const broken: string[] = [];
  for (const name of PACKAGES) {
    const file = resolvePackage(name, folder);
    if (file === undefined) continue;
    const probe = tryPackage(file);
    if (typeof probe === 'string') {
      broken.push(`${name} does not work: ${probe}`);
      continue;
    }
    const tf = await loadPackage(file);
    return { kernels: tfjsKernels(tf), pairKernel: tfjsPairKernel(tf), name, ...probe, broken };
  }
  const found = broken.length > 0 ? broken.join('; ') : `none of ${PACKAGES.join(', ')} is installed`;
  throw new RefusedError(`--backend tfjs: ${found}; ${INSTALL}`);
}

function resolvePackage(name: string, folder: string): string | undefined {
  for (const from of [path.join(folder, 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve(name);
    } catch {
      // not here
    }
  }
  return undefined;
}

/** What the package is, or in words why it does not work. */
function tryPackage(file: string): Probe | string {
  const { status, signal, stdout, stderr, error } = spawnSync(process.execPath, ['-e', PROBE, file], {
    encoding: 'utf8',
    timeout: PROBE_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 24,
    env: { ...process.env, ...QUIET },
  });
  if (error && (error as NodeJS.ErrnoException).code === 'ETIMEDOUT')
    return `it gave no answer within ${PROBE_MS / 1000} seconds`;
  if (signal) return `it ended the process with ${signal}, as a library does that is cut short`;
  const answer = stdout.trim().split('\n').at(-1) ?? '';
  if (status === 0 && answer.startsWith('{')) return JSON.parse(answer) as Probe;
  return reasonIn(stderr);
}

/** The line that says what went wrong, without the stack. */
function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line =
    lines.find((each) => /error|cannot|can not|not found/i.test(each)) ?? lines.find(Boolean) ?? '';
  return line.slice(0, 300).replace(/[.;:]+$/, '') || 'it ended without a word';
}

async function loadPackage(file: string): Promise<TensorFlow> {
  Object.assign(process.env, QUIET);
  const require = createRequire(import.meta.url);
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  const { warn } = console;
  console.warn = () => {};
  try {
    const tf = require(file) as TensorFlow;
    await tf.ready?.();
    return tf;
  } finally {
    console.warn = warn;
  }
}
