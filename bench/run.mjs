// npm run bench [-- --only inspect|many|legacy|safetensors|fix|dtype|in-place|to-safetensors|weights|stats|diff] [-- --rounds N]
// `diff` reads 20 GB in each run, so it is measured only where it is asked for.
// Prints medians and their ratios. The torch rows need a Python with torch in CKPT_DOCTOR_PYTHON (or python3); without one they are left out.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DATA, inputs } from './inputs.mjs';
import { once, sideBySide, warmMemory } from './measure.mjs';

const option = (name, fallback) => {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? fallback : process.argv[index + 1];
};
const only = option('only', '');
const rounds = Number(option('rounds', '7'));
const cli = fileURLToPath(new URL('../bin/ckpt-doctor.js', import.meta.url));
const doctor = (...args) => [process.execPath, cli, ...args];
const python = process.env.CKPT_DOCTOR_PYTHON ?? 'python3';
const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0;

const wanted = (name) => only === '' || only === name;
const row = (what, ratio, goal, note = '') =>
  console.log(`${what.padEnd(58)} ${ratio.toFixed(2).padStart(7)}x   goal ${goal.padEnd(8)} ${note}`);
/** How many times as long as `under` it takes. */
const times = (what, over, under, goal, more = '') =>
  row(what, over.seconds / under.seconds, goal, `${show(over)} / ${show(under)}${more}`);
/** Makes room for the next copy, with the same memory to write it to as the last one had. */
const removing =
  (...files) =>
  () => {
    for (const file of files) rmSync(file, { force: true });
    warmMemory();
  };
const show = ({ seconds, megabytes }) => `${(seconds * 1000).toFixed(0)} ms, ${megabytes.toFixed(0)} MB`;

console.log(`node ${process.version}, ${rounds} rounds, medians of wall time, peak memory\n`);

if (wanted('inspect')) {
  const [small, large, huge] = [await inputs.small(), await inputs.large(), await inputs.huge()];
  // certificates that a machine adds are read by every node before it begins, and would hide what the rest takes
  const { NODE_EXTRA_CA_CERTS: certificates, ...bare } = process.env;
  const nothing = [process.execPath, '-e', '0'];
  const result = sideBySide(
    {
      node: () => once(nothing),
      small: () => once(doctor('inspect', small)),
      large: () => once(doctor('inspect', large)),
      huge: () => once(doctor('inspect', huge)),
      ...(certificates !== undefined && {
        bareNode: () => once(nothing, bare),
        bareLarge: () => once(doctor('inspect', large), bare),
      }),
    },
    2 * rounds,
  );
  times('inspect 2 GB, 120 tensors / node -e 0', result.large, result.node, '<= 2');
  times('inspect 20 GB sparse / inspect 20 MB', result.huge, result.small, '~ 1');
  if (result.bareNode)
    times('the first again, without NODE_EXTRA_CA_CERTS', result.bareLarge, result.bareNode, '<= 2');
}

if (wanted('many')) {
  const many = await inputs.many();
  const cases = { doctor: () => once(doctor('inspect', many)) };
  if (hasTorch) {
    const load = 'import sys, torch; torch.load(sys.argv[1], mmap=True, map_location="cpu")';
    cases.torch = () => once([python, '-c', load, many]);
  }
  const result = sideBySide(cases, rounds);
  if (result.torch)
    times('torch.load(mmap=True) / inspect, 100 000 tensors', result.torch, result.doctor, '>= 12');
  else console.log(`inspect, 100 000 tensors: ${show(result.doctor)} (no torch here to compare with)`);
}

for (const [name, what] of [
  ['legacy', '100 000 tensors of the legacy format'],
  ['safetensors', '50 000 tensors of safetensors'],
]) {
  if (!wanted(name)) continue;
  const many = await inputs[name]();
  const result = sideBySide(
    { doctor: () => once(doctor('inspect', many)) },
    Math.max(3, Math.floor(rounds / 2)),
  );
  console.log(`inspect, ${what}: ${show(result.doctor)}   goal <= 1500 ms`);
}

if (wanted('fix')) {
  const large = await inputs.large();
  const copy = join(DATA, 'copy.pth');
  const result = sideBySide(
    {
      cp: () => once(['sh', '-c', 'cp "$0" "$1" && sync "$1"', large, copy]),
      fix: () => once(doctor('fix', large, '--map-location', 'cpu', '--strip-module', '-o', copy)),
    },
    rounds,
    removing(copy),
  );
  rmSync(copy);
  times('fix 2 GB to a new file / cp and sync', result.fix, result.cp, '<= 1.2');
}

if (wanted('stats')) {
  const halves = await inputs.halves();
  const cases = {
    cat: () => once(['sh', '-c', 'cat "$0" | wc -c', halves]),
    stats: () => once(doctor('stats', halves, '--format', 'csv')),
    crc: () => once(doctor('inspect', '--verify-crc', halves)),
  };
  if (hasTorch) {
    const finite =
      'import sys, torch; d = torch.load(sys.argv[1], mmap=True, map_location="cpu"); print(all(bool(torch.isfinite(t).all()) for t in d.values()))';
    cases.torch = () => once([python, '-c', finite, halves]);
  }
  const result = sideBySide(cases, Math.max(3, Math.floor(rounds / 2)));
  const speed = (name) => result.cat.seconds / result[name].seconds;
  const beside = (name) => `${show(result[name])} / ${show(result.cat)}`;
  row('stats, 2 GB of float16: speed / that of cat into a pipe', speed('stats'), '>= 0.6', beside('stats'));
  row('inspect --verify-crc, the same', speed('crc'), '>= 0.48', beside('crc'));
  if (result.torch) times('torch.isfinite of all tensors / stats', result.torch, result.stats, '>= 3');
}

if (wanted('dtype')) {
  const floats = await inputs.floats();
  const halves = join(DATA, 'copy.pth');
  const cases = { doctor: () => once(doctor('fix', floats, '--dtype', 'float16', '-o', halves)) };
  if (hasTorch) {
    const half =
      'import sys, torch; d = torch.load(sys.argv[1], map_location="cpu"); torch.save({k: v.half() for k, v in d.items()}, sys.argv[2])';
    cases.torch = () => once([python, '-c', half, floats, halves]);
  }
  const result = sideBySide(cases, Math.max(3, Math.floor(rounds / 2)), removing(halves));
  rmSync(halves, { force: true });
  if (result.torch)
    times('torch load, half and save / fix --dtype float16, 4 GB', result.torch, result.doctor, '>= 4');
  else console.log(`fix --dtype float16, 4 GB: ${show(result.doctor)} (no torch here to compare with)`);
}

if (only === 'diff') {
  const [a, b] = await inputs.twins();
  // exit status 1 says that they differ
  const diff = (...flags) =>
    once(['sh', '-c', '"$@" > /dev/null; test $? = 1', 'sh', ...doctor('diff', a, b, ...flags)]);
  const result = sideBySide(
    {
      cat: () => once(['sh', '-c', 'cat "$0" "$1" | wc -c', a, b]),
      names: () => diff(),
      values: () => diff('--values'),
    },
    Math.max(1, Math.floor(rounds / 3)),
  );
  console.log(`diff, two files of 10 GB: ${show(result.names)}`);
  times(
    'diff --values, two files of 10 GB / cat of both into a pipe',
    result.values,
    result.cat,
    '',
    '; goal < 300 MB',
  );
}

if (wanted('in-place')) {
  for (const [size, file] of [
    ['2 GB', await inputs.large()],
    ['20 GB sparse', await inputs.huge()],
  ]) {
    const result = sideBySide(
      {
        inspect: () => once(doctor('inspect', file)),
        fix: () => {
          const run = once(doctor('fix', file, '--map-location', 'cpu', '--strip-module', '--in-place'));
          once(doctor('undo', file));
          return run;
        },
      },
      rounds,
    );
    times(`fix --in-place / inspect, ${size}`, result.fix, result.inspect, '<= 2');
  }
}

if (wanted('to-safetensors')) {
  const large = await inputs.large();
  const [copy, converted] = ['copy.pth', 'copy.safetensors'].map((name) => join(DATA, name));
  const result = sideBySide(
    {
      copy: () => once(doctor('fix', large, '--map-location', 'cpu', '-o', copy)),
      convert: () => once(doctor('fix', large, '--to', 'safetensors', '-o', converted)),
    },
    rounds,
    removing(copy, converted),
  );
  for (const file of [copy, converted]) rmSync(file, { force: true });
  times('fix --to safetensors / fix to a new file, 2 GB', result.convert, result.copy, '<= 1');
}

if (wanted('weights')) {
  const [training, weights] = [await inputs.training(), await inputs.weights()];
  const copy = join(DATA, 'copy.pth');
  const fix = (file, ...flags) => once(doctor('fix', file, ...flags, '-o', copy));
  const result = sideBySide(
    {
      training: () => fix(training, '--weights'),
      weights: () => fix(weights, '--map-location', 'cpu'),
      whole: () => fix(training, '--map-location', 'cpu'),
    },
    rounds,
    removing(copy),
  );
  rmSync(copy, { force: true });
  times(
    'fix --weights, two thirds optimizer / fix of the weights alone',
    result.training,
    result.weights,
    '~ 1',
    `; the whole: ${show(result.whole)}`,
  );
}
