#!/usr/bin/env node
// Heals every file of a corpus of real checkpoints in many ways, and has a real torch, and the real safetensors, judge each output: the
// tensors are those that torch makes of the original by the same steps, bit for bit. What torch 1.13 can load is held against it too.
// usage: npm run test:corpus-fixes [-- regex for names of files]
//   CKPT_DOCTOR_CORPUS names the folder (../shared/corpus beside the repository by default), CKPT_DOCTOR_PYTHON a python with torch 2.13,
//   numpy and safetensors, CKPT_DOCTOR_PYTHON_OLD one with torch 1.13; REFUSALS=1 lists what was refused, and why.
// Nothing of it is ever unpickled but by weights_only, or by an unpickler that makes lifeless objects.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));
const { fixCheckpoint, undoFix, RefusedError, UnreadableError } = await import(
  path.join(top, 'dist/index.js')
);
const corpus = path.resolve(top, process.env.CKPT_DOCTOR_CORPUS ?? '../shared/corpus');
const CPU = '--map-location cpu';

/** Each flag alone, and those that make sense together. */
const WAYS = [
  CPU,
  '--to safetensors',
  `--to torch-legacy ${CPU}`,
  '--dtype float16 --allow-overflow',
  '--dtype bfloat16',
  '--compact',
  '--untie',
  '--weights',
  '--safe',
  '--strip-wrappers',
  '--auto',
  '--shard-size 50KB',
  '--shard-size 50KB --to safetensors',
  `--weights --safe ${CPU}`,
  `--weights --to safetensors ${CPU}`,
  `--weights --strip-wrappers --dtype float16 --allow-overflow --to safetensors`,
  '--auto --weights --to safetensors',
  '--auto --to torch-legacy',
  `--weights --safe --compact --to torch-legacy ${CPU}`,
  '--weights --shard-size 50KB --dtype bfloat16 --allow-overflow',
  '--weights --shard-size 50KB --to safetensors --untie',
  `--safe --compact --target-torch 1.13 ${CPU}`,
  '--untie --compact --dtype bfloat16 --allow-overflow',
  '--weights --keep **.weight --add-prefix net. --verify full',
  '--weights --drop **.bias --to torch-legacy --dtype float32',
  `--auto --in-place`,
];

class Python {
  #process;
  #waiting = [];

  constructor(python) {
    const script = fileURLToPath(new URL('./fixes.py', import.meta.url));
    this.#process = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#process.stdout).on('line', (line) => this.#waiting.shift()(JSON.parse(line)));
    this.#process.on('close', (status) => {
      for (const settle of this.#waiting.splice(0))
        settle({ faults: [`the judge ended with status ${status}`] });
    });
  }

  ask(question) {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  stop() {
    this.#process.stdin.end();
  }
}

const factsFile = path.join(corpus, 'facts.json');
if (!existsSync(factsFile)) {
  console.log(`no corpus at ${corpus}: nothing was tested (CKPT_DOCTOR_CORPUS names another place)`);
  process.exit(0);
}
const wanted = new RegExp(process.argv[2] ?? '');
const names = JSON.parse(readFileSync(factsFile, 'utf8'))
  .files.map(({ file }) => file)
  .filter((file) => wanted.test(file));
const python = new Python(process.env.CKPT_DOCTOR_PYTHON ?? 'python3');
const oldPython = process.env.CKPT_DOCTOR_PYTHON_OLD;
const old = oldPython ? new Python(oldPython) : undefined;
const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-corpus-'));

const sums = { fixed: 0, refused: 0, unreadable: 0, loads: 0, kept: 0, old: 0, undone: 0, faults: 0 };
/** Files of which the judge can't read the original: what is made of them is not known to be right. */
const unjudged = new Map();
let healed = 0;
try {
  for (const name of names) {
    const file = path.join(corpus, 'files', name);
    const { how, why } = await python.ask({ do: 'original', file });
    const before = sums.fixed;
    for (const way of WAYS) await judgeWay(file, name, way, how, why);
    if (sums.fixed > before) healed++;
  }
} finally {
  python.stop();
  old?.stop();
  rmSync(folder, { recursive: true });
}
for (const [name, why] of unjudged) console.log(`UNJUDGED ${name}: ${why}`);
console.log(
  `${names.length} files, ${healed} of them can be healed or converted, in ${WAYS.length} ways each: ${sums.fixed} outputs, of which torch loads ${sums.loads} with weights_only and ${sums.kept} keep what it refuses; ${sums.old} the same in torch 1.13, ${sums.undone} in place and undone; ${sums.refused} refused, ${sums.unreadable} unreadable; ${unjudged.size} files that nobody else can read; ${sums.faults} wrong`,
);
process.exit(sums.faults > 0 ? 1 : 0);

async function judgeWay(file, name, way, how, why) {
  const flags = way.split(' ');
  const options = optionsOf(flags);
  const inPlace = options.inPlace === true;
  const ending = options.to === 'safetensors' ? '.safetensors' : '.pth';
  const target = path.join(folder, `out${inPlace ? path.extname(name) : ending}`);
  if (inPlace) {
    copyFileSync(file, target);
    chmodSync(target, 0o644);
  }
  let result;
  try {
    result = await fixCheckpoint(
      inPlace ? target : file,
      inPlace ? options : { ...options, output: target, force: true },
    );
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof UnreadableError))
      return fault(name, way, `${error?.stack}`);
    sums[error instanceof RefusedError ? 'refused' : 'unreadable']++;
    if (process.env.REFUSALS) console.log(`REFUSED ${name} ${way}: ${error.message}`);
    return;
  }
  sums.fixed++;
  const files = result.files.filter((each) => !each.endsWith('.index.json'));
  const index = result.files.length > files.length ? result.output : null;
  if (how === 'unread') unjudged.set(name, why);
  else {
    const { operations } = result.plan;
    // what is said to be whole has to load; a device is no matter where torch is told to read all to the CPU
    const left = result.findingsAfter.filter(
      ({ severity, rule }) => severity === 'error' && !rule.startsWith('device/'),
    );
    const verdict = await python.ask({
      do: 'judge',
      files,
      index,
      flags,
      operations: operations.map((each) => each.name),
      clean: left.length === 0,
    });
    if (verdict.faults) fault(name, way, verdict.faults.join(' | '));
    else sums[verdict.loads ? 'loads' : 'kept']++;
    if (old && !verdict.faults && (options.to === 'torch-legacy' || options.targetTorch)) {
      const [a, b] = await Promise.all(
        [python, old].map((each) => each.ask({ do: 'listing', file: files[0] })),
      );
      if (b.faults || JSON.stringify(a) !== JSON.stringify(b))
        fault(name, way, `torch 1.13: ${JSON.stringify(b).slice(0, 300)}`);
      else sums.old++;
    }
  }
  // where nothing was found to heal, nothing was written
  if (inPlace && sha256(target) !== sha256(file)) {
    await undoFix(target);
    if (sha256(target) === sha256(file)) sums.undone++;
    else fault(name, way, 'undo does not give the original back');
  }
  for (const each of result.files) rmSync(each, { force: true });
}

function optionsOf(flags) {
  const options = {};
  for (let at = 0; at < flags.length; at++) {
    const field = flags[at].slice(2).replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
    const value = flags[at + 1]?.startsWith('--') ? undefined : flags[at + 1];
    if (value === undefined) options[field] = true;
    else {
      at++;
      options[field] = field === 'shardSize' ? 50_000 : ['keep', 'drop'].includes(field) ? [value] : value;
    }
  }
  return options;
}

function fault(name, way, words) {
  sums.faults++;
  console.log(`WRONG ${name} ${way}: ${words}`);
}

function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
